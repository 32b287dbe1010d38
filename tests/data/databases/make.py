"""Lets the program of the time of a schema live through the history, and writes its database down."""

import gzip
import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path
from sqlite3 import connect

import anyio

from tests.acceptance.daemon import ALIVE_AFTER, Site, until
from tests.acceptance.operating import started
from tests.data.databases import history
from tests.fakes.postgresql import Server
from tests.fakes.receiver import answering, receiving
from watcher.sandbox import Receiver, Sandbox

_START_SECONDS = 180
"""A program that was just installed is compiled first."""


async def make(revision: str, python: Path, url: str, folder: Path) -> None:
    """Run the program of this Python on a new database, until all has happened and is sent."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox())
        site = Site(folder, sandbox, await stack.enter_async_context(Receiver()))
        history.stop_clock(sandbox)
        history.configure(site, url)
        if int(revision) >= history.FIRST_WITH_HINTS:
            history.configure_hints(site)
        if int(revision) >= history.FIRST_WITH_MESSAGES:
            messages = await stack.enter_async_context(receiving(answering()))
            history.configure_messages(site, messages.port)
        site.write()
        first, *later = history.STEPS
        first.happens(sandbox.ledger)  # an invoice that is not there at first would not be polled again soon
        daemon = await stack.enter_async_context(started(site, python=python))
        await until(lambda: daemon.has_logged(ALIVE_AFTER), f"the program of {revision} runs", within=_START_SECONDS)
        await _operate(site, python, "watch", "add", history.PROVIDER, history.ADDED, "--note", "by hand")
        expected = dict(first.events)
        for step in (None, *later):
            if step is not None:
                step.happens(sandbox.ledger)
                expected |= {invoice: expected[invoice] + types for invoice, types in step.events.items()}
            for invoice, types in expected.items():
                await site.hears(invoice, *types)
        await until(lambda: daemon.has_logged("delivery.attempted", endpoint="nobody"), "nobody was tried")
        daemon.process.terminate()
        assert await daemon.ended() == 0


async def _operate(site: Site, python: Path, *arguments: str) -> None:
    command = [str(python), *site.argv(*arguments)[1:]]
    await anyio.run_process(command, cwd=site.folder, env=_environment(), check=True)


def _environment() -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"], "NO_COLOR": "1"}


def dump_sqlite(file: Path) -> str:
    with closing(connect(file)) as connection:
        return "\n".join(connection.iterdump()) + "\n"


def dump_postgresql(server: Server, database: str) -> str:
    """Plain SQL without the settings of one version of PostgreSQL."""
    dump = server.programs / "pg_dump"
    options = ("--inserts", "--rows-per-insert=50", "--no-owner", "--no-privileges", "--schema=public", "--no-comments")
    text = subprocess.run(  # noqa: S603 -- our own program
        [dump, *options, server.url(database)], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    lines = text[text.index("CREATE TABLE") :].splitlines()
    return "\n".join(line for line in lines if line and not line.startswith(("--", "\\"))) + "\n"


def write(text: str, file: Path) -> None:
    """The same bytes for the same text."""
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
