"""Programs that one might use instead, and this one, on the same server in one run: `make peers`.

    python -m tests.benchmarks.peers .venv-peers/bin/python [--only NAME …]

Polls, of documents that do not change, each from a URL of its own:
- urlwatch 2.29: its own SQLite cache, and its ten threads, which it has no setting for.
- webchanges 3.37: its own SQLite database, and `--max-workers 64`, as many at once as ours asks.
- Invoice Watcher: `run` on SQLite, as `invoice-watcher bench` measures it.
Both others are run once to store the documents, and the second run is measured, from its first request to its last, so
that neither start nor end counts. All three compare what they get with what they have and store that nothing is new.

Deliveries, of bodies of the same size, recorded before:
- procrastinate 3 with aiohttp: a task for each, one worker; the best of several concurrencies counts.
- Invoice Watcher: signed, in order per invoice, and each attempt recorded.
Both on the same throw-away PostgreSQL. A bare aiohttp client runs before and after ours.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.fakes.postgresql import cluster
from watcher.cli.commands.bench.course import measure
from watcher.cli.commands.bench.report import Report
from watcher.cli.commands.bench.steps import Steps
from watcher.sandbox.load_server import LoadServer, invoice_ids

_QUEUE = Path(__file__).with_name("peers_queue.py")
_URLWATCH_POLLS, _WEBCHANGES_POLLS = 4000, 600
"""What each does in a few seconds."""
_DELIVERIES = 3000
_BODY_BYTES = 2048
_CONCURRENCIES = (10, 30, 100)
_LOOK_SECONDS = 0.002
_LONGEST_SECONDS = 120
_NOTHING_TO_SAY = "display: {new: false, unchanged: false, error: false}\nreport: {stdout: {enabled: false}}\n"


@dataclass(frozen=True)
class Row:
    what: str
    program: str
    per_second: float
    how: str


class Checker:
    """A program that reads a list of URLs, asks each once, and ends."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        self._folder = folder
        self._jobs = folder / "jobs.yaml"
        config, hooks = folder / "config.yaml", folder / "hooks.py"
        config.write_text(_NOTHING_TO_SAY)
        hooks.write_text("")
        self._command = [str(program), "--config", str(config), "--hooks", str(hooks), *options]

    def polls_per_second(self, server: LoadServer, count: int, places: Sequence[str]) -> float:
        """Of the second run."""
        urls = [f"{server.url}/api/v1/invoices/{one}" for one in invoice_ids(count)]
        self._jobs.write_text("\n---\n".join(f"url: {url}" for url in urls) + "\n")
        command = [*self._command, *places, str(self._folder / "cache.db")]
        self._run(command, server, count)
        return self._run(command, server, count)

    def _run(self, command: Sequence[str], server: LoadServer, count: int) -> float:
        first, ended_at = server.polls, time.perf_counter() + _LONGEST_SECONDS
        home = os.environ | {"HOME": str(self._folder)}
        with subprocess.Popen(command, env=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:  # noqa: S603 - pinned programs
            began = ended = 0.0
            while process.poll() is None and time.perf_counter() < ended_at:
                came, now = server.polls - first, time.perf_counter()
                began = began or (now if came else 0.0)
                ended = ended or (now if came >= count else 0.0)
                time.sleep(_LOOK_SECONDS)
            complaint = process.stderr.read() if process.stderr else b""
        if process.returncode or not ended:
            raise SystemExit(
                f"{command[0]} ended with {process.returncode} after {server.polls - first}: {complaint!r}"
            )
        return count / (ended - began)


def urlwatch(programs: Path, server: LoadServer) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(programs / "urlwatch", Path(folder), "--urls", str(Path(folder) / "jobs.yaml"))
        rate = checker.polls_per_second(server, _URLWATCH_POLLS, ("--cache",))
    return Row("polls", "urlwatch 2.29", rate, "10 threads, SQLite")


def webchanges(programs: Path, server: LoadServer) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        options = ("--jobs", str(Path(folder) / "jobs.yaml"), "--max-workers", "64")
        checker = Checker(programs / "webchanges", Path(folder), *options)
        rate = checker.polls_per_second(server, _WEBCHANGES_POLLS, ("--database",))
    return Row("polls", "webchanges 3.37", rate, "64 threads, SQLite")


def procrastinate(programs: Path, server: LoadServer, database: str) -> Row:
    found: list[tuple[float, int]] = []
    for concurrency in _CONCURRENCIES:
        words = (database, f"{server.url}/hook", str(_DELIVERIES), str(_BODY_BYTES), str(concurrency))
        command = [str(programs / "python"), str(_QUEUE), *words]
        before = server.webhooks
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - pinned programs
        if done.returncode or server.webhooks - before < _DELIVERIES:
            raise SystemExit(f"procrastinate ended with {done.returncode}: {done.stderr}")
        found.append((float(done.stdout), concurrency))
        _empty(database)
    rate, concurrency = max(found)
    return Row("deliveries", "procrastinate 3", rate, f"concurrency {concurrency}, PostgreSQL")


def _empty(database: str) -> None:
    """Begin again without the jobs that are done."""
    psql = ["psql", database, "-qc", "DROP SCHEMA public CASCADE; CREATE SCHEMA public"]
    subprocess.run(psql, check=True, capture_output=True)  # noqa: S603 - our own words


def ours(server: LoadServer, database: str | None) -> Report:
    with Steps(1) as steps:
        return asyncio.run(measure(server, database, timedelta(minutes=15), steps))


def rows(programs: Path, chosen: Sequence[str], server: LoadServer, database: str) -> Iterator[Row]:
    polls: dict[str, Callable[[], Row]] = {
        "urlwatch": lambda: urlwatch(programs, server),
        "webchanges": lambda: webchanges(programs, server),
        "procrastinate": lambda: procrastinate(programs, server, database),
    }
    for name in chosen:
        yield polls[name]()
    on_sqlite, on_postgresql = ours(server, None), ours(server, database)
    yield Row("polls", "Invoice Watcher", on_sqlite.polls.per_second, "64 at once, SQLite")
    yield Row("polls", "bare aiohttp client", on_sqlite.bare_gets, "64 at once, nothing else")
    yield Row("deliveries", "Invoice Watcher", on_postgresql.deliveries.per_second, "200 at once, PostgreSQL")
    yield Row("deliveries", "bare aiohttp client", on_postgresql.bare_posts, "64 at once, nothing else")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", type=Path, help="that of the environment with the others' programs")
    names = ("urlwatch", "webchanges", "procrastinate")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    chosen = parser.parse_args()
    found: list[Row] = []
    with cluster() as database, LoadServer() as server:
        for row in rows(chosen.python.parent, chosen.only, server, database):
            found.append(row)
            print(f"{row.what:<10}  {row.program:<20}  {row.per_second:8,.0f}/s  {row.how}", flush=True)
    print(f"\nPython {sys.version.split()[0]}, {os.cpu_count()} cores; ours in times of the others:")
    for what in ("polls", "deliveries"):
        (own,) = (row for row in found if row.what == what and row.program == "Invoice Watcher")
        others = (row for row in found if row.what == what and row is not own)
        print(f"  {what}: " + ", ".join(f"{own.per_second / row.per_second:.2g} times {row.program}" for row in others))


if __name__ == "__main__":
    main()
