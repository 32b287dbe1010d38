"""`events`: lists the history, and follows it."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Annotated

import anyio
import typer

from watcher.cli.archived import archived_events
from watcher.cli.csv_output import CsvOption, check_form, print_found
from watcher.cli.open_store import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Item, ListPrinter, field, of_body
from watcher.core.exports import csv_tables
from watcher.ports.paging import next_cursor, pages

app = top_level()

_READ_AGAIN_AFTER = 1.0


COLUMNS = (
    field("cursor", "cursor"),
    field("at", "timestamp"),
    field("event", "type"),
    of_body("source", "source"),
    of_body("invoice", "invoice_id"),
    of_body("event id", "event_id"),
)


def _checked_cursor(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdecimal()):
        raise typer.BadParameter(f"{value!r} is no cursor: give the `cursor` of the last event you have seen")
    return value


@command(app, "events", "events --type 'invoice.overdue*' --follow --json")
def events(
    invocation: Invocation,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Keep printing events as they happen, until Ctrl-C.")
    ] = False,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="CURSOR", help="Only events later than this cursor.", callback=_checked_cursor),
    ] = None,
    glob: Annotated[
        str | None, typer.Option("--type", metavar="GLOB", help="Only events of these types, such as 'invoice.*'.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most this many, then end.")] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive", metavar="FILE", help="Those of an archived month, from its file.", exists=True, dir_okay=False
        ),
    ] = None,
    as_csv: CsvOption = False,
) -> None:
    """List events, oldest first. With --json each line is exactly the full webhook body, plus its cursor.

    A program that keeps the last cursor it has seen, and passes it to --after, misses nothing.
    """
    check_form(invocation, as_csv=as_csv)
    if follow and (as_csv or archive is not None):
        raise typer.BadParameter("--csv and --archive are for lists that end: give them without --follow")
    if archive is not None:
        anyio.run(partial(_archived, invocation, archive, after=after, glob=glob, limit=limit, as_csv=as_csv))
    elif follow:
        anyio.run(partial(_follow, invocation, after=after, glob=glob, limit=limit))
    else:
        anyio.run(partial(_events, invocation, after=after, glob=glob, limit=limit, as_csv=as_csv))


async def _events(
    invocation: Invocation, *, after: str | None, glob: str | None, limit: int | None, as_csv: bool
) -> None:
    async with opened(invocation) as store:

        async def read(place: str | None, most: int) -> Sequence[Item]:
            return await store.reports.events(after=place, type_glob=glob, limit=most)

        start = after or await store.reports.feed_start()
        found = pages(read, lambda item: next_cursor(start, item["cursor"]), limit, start)
        await print_found(invocation, found, COLUMNS, csv_tables.EVENTS, as_csv=as_csv, empty="No event yet.")


async def _archived(
    invocation: Invocation, file: Path, *, after: str | None, glob: str | None, limit: int | None, as_csv: bool
) -> None:
    def wanted(item: Item) -> bool:
        fits = glob is None or fnmatchcase(str(item["type"]), glob)
        return fits and (after is None or int(str(item["cursor"])) > int(after))

    found = archived_events(file, wanted, limit)
    await print_found(invocation, found, COLUMNS, csv_tables.EVENTS, as_csv=as_csv, empty="No event matches.")


async def _follow(invocation: Invocation, *, after: str | None, glob: str | None, limit: int | None) -> None:
    async with opened(invocation) as store:

        async def read(place: str | None, most: int) -> Sequence[Item]:
            return await store.reports.events(after=place, type_glob=glob, limit=most)

        def place(item: Item) -> str:
            return next_cursor(start, item["cursor"])

        start = after or await store.reports.feed_start()
        printer, left, after = ListPrinter(invocation, COLUMNS), limit, start
        while True:
            async for page in pages(read, place, left, after):
                printer.print(page)
                left = None if left is None else left - len(page)
                after = place(page[-1]) if page else after
            if left == 0:
                return
            await anyio.sleep(_READ_AGAIN_AFTER)
