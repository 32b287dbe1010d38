"""A machine whose first process is Debian's systemd, in namespaces of its own, with Invoice Watcher installed."""

import os
import shutil
import subprocess
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import Process

from tests.acceptance.daemon import PATIENCE, Impatient
from tests.acceptance.operating import Done

HERE = Path(__file__).parent
SYSTEMD = Path("/lib/systemd/systemd")
PYTHON = "/usr/bin/python3"
"""Not the one of the tests: the service sees no home directories, and developers keep theirs there."""
UNIT = "invoice-watcher"
LAUNCHER = "/opt/invoice-watcher/bin/invoice-watcher"
_GLANCE = 0.05


def lacking() -> str | None:
    """What this machine needs before a systemd can be booted on it; None where that is nothing."""
    if os.geteuid() != 0:
        return "booting a systemd takes root"
    if not SYSTEMD.exists() or not all(shutil.which(name) for name in ("systemctl", "nsenter", "unshare", "setpriv")):
        return "systemd is not installed (Debian: apt install systemd)"
    asking = [PYTHON, "-c", "import ensurepip, tomllib, venv"]
    if not shutil.which(PYTHON) or subprocess.run(asking, capture_output=True, check=False).returncode:  # noqa: S603 -- fixed words
        return f"{PYTHON} is older than 3.11 or makes no environments (Debian: apt install python3-venv)"
    return None


@dataclass
class Machine:
    """Commands run inside as root; `inside` is the pid of its systemd as seen from here."""

    inside: int

    @property
    def config(self) -> Path:
        """Its /etc/invoice-watcher."""
        return Path("/proc", str(self.inside), "root", "etc", "invoice-watcher")

    async def run(self, *words: str, code: int | None = 0, typed: str = "") -> Done:
        """Run a command; `code` is what it has to exit with, None where that does not matter."""
        with anyio.fail_after(PATIENCE):
            done = await anyio.run_process([*self._entering, *words], input=typed.encode(), check=False)
        ended = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert code is None or ended.code == code, (words, ended, await self.journal() if code == 0 else "")
        return ended

    @asynccontextmanager
    async def running(self, *words: str) -> AsyncGenerator[None]:
        """A command that lasts until its standard input ends."""
        async with await anyio.open_process([*self._entering, *words], stdout=None, stderr=None) as process:
            yield
            assert process.stdin is not None
            await process.stdin.aclose()

    async def type(self, block: str, *, typed: str = "") -> str:
        """Run the lines of a document as a shell does; what they printed."""
        return (await self.run("sh", "-e", "-c", block, typed=typed)).out

    async def systemctl(self, *words: str, code: int | None = 0) -> Done:
        return await self.run("systemctl", "--no-pager", *words, code=code)

    async def program(self, *words: str, code: int | None = 0) -> Done:
        """The installed command."""
        return await self.run(LAUNCHER, *words, code=code)

    async def shows(self, name: str) -> str:
        """A property of the unit."""
        return (await self.systemctl("show", "--value", "--property", name, UNIT)).out.strip()

    async def journal(self) -> str:
        """What the service and systemd said of it."""
        words = ("journalctl", "--no-pager", "-o", "cat", "-u", f"{UNIT}*")
        return (await anyio.run_process([*self._entering, *words], check=False)).stdout.decode()

    async def until_shown(self, name: str, *values: str) -> None:
        """Wait until the property is one of these. Raises Impatient."""

        async def shown() -> bool:
            return await self.shows(name) in values

        await self._until(shown, f"{name} is {' or '.join(values)}")

    async def until_logged(self, words: str, *, times: int = 1) -> None:
        """Wait until the service has said these words so many times. Raises Impatient."""

        async def logged() -> bool:
            return (await self.journal()).count(words) >= times

        await self._until(logged, f"the journal says {words!r}")

    @property
    def _entering(self) -> tuple[str, ...]:
        return ("nsenter", "-t", str(self.inside), "-m", "-p", "-C", "-u", "-i", "--wd=/")

    async def _until(self, claim: Callable[[], Awaitable[bool]], saying: str) -> None:
        with anyio.move_on_after(PATIENCE):
            while not await claim():  # noqa: ASYNC110 -- a service is watched from outside
                await anyio.sleep(_GLANCE)
            return
        raise Impatient(f"not within {PATIENCE:g} s: {saying}\n{await self.journal()}")


@asynccontextmanager
async def booted(folder: Path, installed: Path) -> AsyncGenerator[Machine]:
    """Boot on what `make install DESTDIR=installed` made; what there is to say of that is in `folder`."""
    _lay_out(folder, installed)
    group = f"invoice-watcher-test-{uuid.uuid4().hex}"
    log = folder / "boot.log"
    with log.open("wb") as output:
        process = await anyio.open_process(
            [
                "setpriv",
                "--pdeathsig",
                "TERM",
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "sh",
                str(HERE / "boot.sh"),
                str(folder),
                group,
            ],
            stdin=None,
            stdout=output,
            stderr=output,
        )
    try:
        yield Machine(await _first_process(process, log))
    finally:
        with anyio.CancelScope(shield=True):
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


def _lay_out(folder: Path, installed: Path) -> None:
    folder.mkdir()
    for name in ("etc", "opt"):
        (folder / name).symlink_to(installed / name)


async def _first_process(outer: Process, log: Path) -> int:
    """The pid, as seen from here, of the systemd that is up."""
    asking = ("-m", "-p", "-C", "systemctl", "is-active", "--quiet", "up.target")
    with suppress(TimeoutError), anyio.fail_after(PATIENCE):
        while outer.returncode is None:
            for child in _children(*_children(outer.pid)):
                if (await anyio.run_process(["nsenter", "-t", str(child), *asking], check=False)).returncode == 0:
                    return child
            await anyio.sleep(_GLANCE)
    raise Impatient(f"systemd did not come up: {await anyio.Path(log).read_text()}")


def _children(*pids: int) -> list[int]:
    """Those that live; a process that has just ended has none."""
    found: list[int] = []
    for pid in pids:
        with suppress(OSError):
            found += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found
