"""What an operator does beside `Site`: commands read byte for byte, and daemons that need not start or end well."""

import json
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import anyio

from tests.acceptance.daemon import PATIENCE, Daemon, Site, environment

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


async def operate(site: Site, *arguments: str, **variables: str) -> Done:
    """Run a command line as it is given; nothing is added to it but the program."""
    with anyio.fail_after(PATIENCE):
        done = await anyio.run_process(
            [sys.executable, "-m", "watcher", *arguments],
            check=False,
            cwd=site.folder,
            env={**environment(), "INVOICE_WATCHER_CONFIG": str(site.config), **variables},
        )
    ended = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in ended.err, ended.err
    return ended


async def operate_all(
    site: Site, *lines: str, weak: bool = False, variables: Mapping[str, str] | None = None
) -> list[Done]:
    """Several command lines in one process, for starting it is what costs; `weak` where even root shall obey modes."""
    arguments = [*(["--weak"] if weak else []), json.dumps([line.split() for line in lines])]
    with anyio.fail_after(2 * PATIENCE):
        done = await anyio.run_process(
            [sys.executable, "-m", "tests.acceptance.commands", *arguments],
            check=False,
            cwd=site.folder,
            env={**environment(), "INVOICE_WATCHER_CONFIG": str(site.config), **(variables or {})},
        )
    assert done.returncode == 0, done.stderr.decode()
    ended = [Done(*json.loads(line)) for line in done.stdout.splitlines()]
    assert len(ended) == len(lines), done.stdout
    assert not any("Traceback" in one.err for one in ended), ended
    return ended


@asynccontextmanager
async def started(
    site: Site, *options: str, variables: Mapping[str, str] | None = None, python: Path | None = None
) -> AsyncGenerator[Daemon]:
    """A `run` that the test itself waits for and stops; what is left of it at the end is killed.

    `python` is that of an environment with another version of the program.
    """
    command, surroundings = [*site.argv("run"), *options], {**environment(), **(variables or {})}
    if python is not None:
        command[0] = str(python)
        del surroundings["PYTHONPATH"]
    log = site.folder / f"started-{next(_numbers)}.log"
    with log.open("wb") as stderr:
        process = await anyio.open_process(
            command, stdin=None, stdout=stderr, stderr=stderr, cwd=site.folder, env=surroundings
        )
        try:
            yield Daemon(process, log)
        finally:
            if process.returncode is None:
                process.kill()
            with anyio.CancelScope(shield=True):
                await process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()
