"""How long watch lists take to be in force: first, at a restart and a reload without a change, and with a line changed.

    python -m tests.benchmarks.lists [--lines 100000]

The daemon is `python -m watcher run` as a user starts it, on SQLite, with one CSV list of so many lines in random
order, most of them bare, some with tags, a due date or a note. Seconds are from the start of the process, or from the
signal, to the line of the log that says so. Beside it the daemon polls invoices of another list, on a server that costs
next to nothing: `pause` is the longest time without such a poll meanwhile, `silence` the longest wait for /healthz.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.invoice_server import InvoiceServer, invoice_ids

OTHERS = 50
PATIENCE_SECONDS = 900
STEP_SECONDS = 0.02

CONFIG = """
[watcher]
watchlists = ["lists/*.csv"]
[polling]
policy = "fixed"
every = "30d"
[http]
listen = "127.0.0.1:{port}"
[log]
format = "json"
[sources.listed]
provider = "meteroid"
base_url = "{url}"
api_key = {{ file = "api_key" }}
rate = "5/s"
[sources.others]
provider = "meteroid"
base_url = "{url}"
api_key = {{ file = "api_key" }}
rate = "50/s"
every = "1s"
"""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    seconds: float
    pause: float
    silence: float
    peak_mib: int


class Lists:
    """A folder with a configuration and a list of so many lines."""

    def __init__(self, folder: Path, lines: int) -> None:
        self.folder = folder
        numbers = list(range(lines))
        random.Random(7).shuffle(numbers)  # noqa: S311 - the same list every time
        self._lines = [_line(number) for number in numbers]

    def write(self) -> None:
        path = self.folder / "lists" / "listed.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(["source,invoice_id,tags,due_on,note\n", *self._lines]))

    def change_one(self) -> None:
        middle = len(self._lines) // 2
        self._lines[middle] = ",".join([*self._lines[middle].split(",")[:2], "changed,,\n"])
        self.write()

    def put_one_first(self) -> None:
        self._lines.insert(0, "listed,inv_first,,,\n")
        self.write()


def _line(number: int) -> str:
    name = blake2b(number.to_bytes(8), digest_size=8).hexdigest()
    tags = ("", "", "", "vip", "vip;emea")[number % 5]
    due_on = f"2026-12-{number % 28 + 1:02d}" if number % 4 == 0 else ""
    note = f"order {number}" if number % 20 == 0 else ""
    return f"listed,inv_{name},{tags},{due_on},{note}\n"


class Daemon:
    """`invoice-watcher run`, from its start on."""

    def __init__(self, folder: Path, port: int, server: InvoiceServer) -> None:
        self._url = f"http://127.0.0.1:{port}/healthz"
        self._server = server
        self._log = folder / "log"
        command = [sys.executable, "-m", "watcher", "run", "--config", str(folder / "watcher.toml")]
        self._begun = time.perf_counter()
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, env=os.environ.copy(), stderr=log)  # noqa: S603 - our own program

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def started(self, name: str) -> Row:
        self._until_logged("service.started", 1)
        return Row(name, time.perf_counter() - self._begun, 0, 0, self._peak_mib())

    def reload(self, name: str) -> Row:
        times = self._logged("config.applied")
        with self._watched() as longest:
            begun = time.perf_counter()
            self._process.send_signal(signal.SIGHUP)
            self._until_logged("config.applied", times + 1)
            seconds = time.perf_counter() - begun
        return Row(name, seconds, longest["pause"], longest["silence"], self._peak_mib())

    @contextmanager
    def _watched(self) -> Generator[dict[str, float]]:
        longest, over = {"pause": 0.0, "silence": 0.0}, threading.Event()

        def polls() -> None:
            count, since = self._server.answered, time.perf_counter()
            while not over.wait(STEP_SECONDS / 4):
                if self._server.answered != count:
                    count, since = self._server.answered, time.perf_counter()
                longest["pause"] = max(longest["pause"], time.perf_counter() - since)

        def answers() -> None:
            while not over.wait(STEP_SECONDS):
                asked = time.perf_counter()
                with urllib.request.urlopen(self._url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - loopback
                    answer.read()
                longest["silence"] = max(longest["silence"], time.perf_counter() - asked)

        threads = [threading.Thread(target=polls), threading.Thread(target=answers)]
        for thread in threads:
            thread.start()
        try:
            yield longest
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _logged(self, event: str) -> int:
        return self._log.read_text().count(f'"{event}"')

    def _until_logged(self, event: str, times: int) -> None:
        until = time.perf_counter() + PATIENCE_SECONDS
        while self._logged(event) < times:
            if self._process.poll() is not None or time.perf_counter() > until:
                raise SystemExit(f"no {event}: {self._log.read_text()[-2000:]}")
            time.sleep(STEP_SECONDS)

    def _peak_mib(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def measure(folder: Path, lines: int, server: InvoiceServer) -> Iterator[Row]:
    port = write_config(folder, server.url)
    lists = Lists(folder, lines)
    lists.write()
    with Daemon(folder, port, server) as daemon:
        yield daemon.started("first start")
    with Daemon(folder, port, server) as daemon:
        yield daemon.started("start, nothing changed")
        time.sleep(2)
        yield daemon.reload("reload, nothing changed")
        lists.change_one()
        yield daemon.reload("reload, one line changed")
        lists.put_one_first()
        yield daemon.reload("reload, a new first line")
    (folder / "lists" / "listed.csv").rename(folder / "whole.csv")
    for file in folder.glob("invoice-watcher.db*"):
        file.unlink()
    with Daemon(folder, port, server) as daemon:
        daemon.started("start without the list")
        time.sleep(2)
        (folder / "whole.csv").rename(folder / "lists" / "listed.csv")
        yield daemon.reload("reload, all lines new")


def write_config(folder: Path, url: str) -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    (folder / "api_key").write_text("pv_sand_benchmark/key")
    (folder / "watcher.toml").write_text(CONFIG.format(url=url, port=port))
    (folder / "lists").mkdir()
    others = "".join(f"others,{one}\n" for one in invoice_ids(OTHERS))
    (folder / "lists" / "others.csv").write_text(f"source,invoice_id\n{others}")
    return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    chosen = parser.parse_args()
    print(f"{chosen.lines} lines, {os.cpu_count()} cores")
    print(f"{'':28}{'seconds':>9}{'pause s':>9}{'silence s':>11}{'peak MiB':>10}", flush=True)
    with InvoiceServer() as server, tempfile.TemporaryDirectory() as folder:
        for row in measure(Path(folder), chosen.lines, server):
            print(f"{row.name:28}{row.seconds:9.2f}{row.pause:9.2f}{row.silence:11.2f}{row.peak_mib:10d}", flush=True)


if __name__ == "__main__":
    main()
