"""A throw-away PostgreSQL: its own cluster in a temporary folder, reachable by a unix socket alone."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_USERS = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: whom to become then."""
_QUICK = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c shared_buffers=16MB -c listen_addresses=''"
ON_DISK = "-c shared_buffers=256MB -c listen_addresses=''"
"""As PostgreSQL is by default, for benchmarks: a commit is on the disk."""
_DURABLE = "-c fsync=off -c synchronous_commit=on -c shared_buffers=16MB -c listen_addresses=127.0.0.1"


class PostgresqlMissing(Exception):
    """This machine has no PostgreSQL server programs."""


@contextmanager
def cluster(options: str = _QUICK) -> Generator[str]:
    """Start a cluster and yield the URL of its `postgres` database. Raises PostgresqlMissing."""
    with _initialized() as (programs, folder):
        start = ("-D", folder / "c", "-w", "-l", folder / "log", "-o", f"{options} -k {folder}")
        _run(programs / "pg_ctl", "start", *start)
        try:
            yield f"postgresql://watcher@/postgres?host={folder}"
        finally:
            _run(programs / "pg_ctl", "stop", "-D", folder / "c", "-m", "immediate", "-w")


@dataclass(frozen=True, slots=True)
class Server:
    """A cluster that can be restarted, on a port of loopback. What it has committed outlives it, but not the machine:
    it writes everything at commit and leaves it to the system to bring it to the disk.
    """

    programs: Path
    folder: Path
    port: int

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        """`port` is that of a proxy before it."""
        return f"postgresql://watcher@127.0.0.1:{port or self.port}/{database}"

    def restart(self, mode: str) -> None:
        """Return when it takes connections again. `mode` is `fast` or `immediate`, which is a crash."""
        _run(self.programs / "pg_ctl", "restart", "-D", self.folder / "c", "-m", mode, "-w", "-l", self.folder / "log")


@contextmanager
def server() -> Generator[Server]:
    """Start a cluster of its own. Raises PostgresqlMissing."""
    with _initialized() as (programs, folder), socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        started = Server(programs, folder, probe.getsockname()[1])
        probe.close()
        options = f"{_DURABLE} -c port={started.port} -k {folder}"
        _run(programs / "pg_ctl", "start", "-D", folder / "c", "-w", "-l", folder / "log", "-o", options)
        try:
            yield started
        finally:
            _run(programs / "pg_ctl", "stop", "-D", folder / "c", "-m", "immediate", "-w")


@contextmanager
def _initialized() -> Generator[tuple[Path, Path]]:
    """Where the programs are, and a folder whose `c` is a new cluster."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    user = _user()
    if user:
        shutil.chown(folder, user)
    try:
        _run(programs / "initdb", "-D", folder / "c", "-U", "watcher", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        yield programs, folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def pooler(url: str, mode: str) -> Generator[str]:
    """Start PgBouncer in front of a database and yield the URL through it. Raises PostgresqlMissing."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        raise PostgresqlMissing("no pgbouncer on PATH or in /usr/sbin")
    database, _, server = url.removeprefix("postgresql://watcher@/").partition("?host=")
    folder = Path(tempfile.mkdtemp(prefix="pool-", dir="/tmp"))
    lines = (
        "[databases]", f"* = host={server}", "[pgbouncer]", "listen_addr =", f"unix_socket_dir = {folder}",
        "listen_port = 6432", "auth_type = trust", f"auth_file = {folder / 'users'}", f"pool_mode = {mode}",
        f"logfile = {folder / 'log'}", "default_pool_size = 20",
    )  # fmt: skip
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    (folder / "users").write_text('"watcher" ""\n')
    user = _user()
    if user:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user)
    process = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [program, "-q", folder / "pgbouncer.ini"],
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(folder / ".s.PGSQL.6432", process)
        yield f"postgresql://watcher@/{database}?host={folder}&port=6432"
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if socket.exists():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("pgbouncer did not start")


def _programs() -> Path:
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise PostgresqlMissing("no PostgreSQL server (initdb, pg_ctl, postgres) on PATH or in /usr/lib/postgresql")


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in _USERS if name in known), None)


def _run(*command: str | Path) -> None:
    user = _user()
    done = subprocess.run(  # noqa: S603 - our own programs, no shell
        command,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # the server inherits it: a pipe would never end
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}")
