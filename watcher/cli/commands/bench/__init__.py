"""`bench`: polls and deliveries of the real service on this machine, against a client that does nothing else."""

import signal
from datetime import timedelta
from typing import Annotated

import anyio
import typer

from watcher.cli.commands.bench.course import WHOLE_SECONDS, measure
from watcher.cli.commands.bench.report import Report, print_report
from watcher.cli.commands.bench.steps import Steps
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import print_note
from watcher.config.values.durations import parse_duration
from watcher.sandbox.load_server import LoadServer

app = top_level()

_INTERRUPTED = 130


def _duration(value: str) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@command(app, "bench", "bench --database postgresql://user@host/name")
def bench(
    invocation: Invocation,
    *,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="Measure on the disk of this SQLite file, or on this PostgreSQL; SQLite in the system's temporary "
            "folder if not given. What is there is not touched.",
        ),
    ] = None,
    every: Annotated[
        timedelta,
        typer.Option("--every", metavar="DURATION", parser=_duration, help="How often you want invoices polled."),
    ] = "15m",  # pyright: ignore[reportArgumentType] -- Typer parses the default too
) -> None:
    """Measure polls and deliveries of the real service on this machine, in under a minute.

    Starts a server that costs next to nothing, runs the service against it, and compares with a client that only sends
    the same requests. It uses a file or a schema of its own, and leaves nothing behind.
    """
    raise typer.Exit(anyio.run(_bench, database, every, invocation.as_json))


async def _bench(database: str | None, every: timedelta, as_json: bool) -> int:  # noqa: FBT001 -- anyio.run passes no names
    reports: list[Report] = []
    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_on_signal, group.cancel_scope)
        with Steps(WHOLE_SECONDS) as steps, LoadServer() as server:
            reports.append(await measure(server, database, every, steps))
        group.cancel_scope.cancel()
    if not reports:
        print_note("interrupted; nothing is left behind")
        return _INTERRUPTED
    print_report(reports[0], as_json=as_json)
    return 0


async def _cancel_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
