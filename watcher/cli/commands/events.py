"""`events`: lists the history, and follows it."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import anyio
import typer

from watcher.cli.open_store import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Item, ListPrinter, field, of_body, pages

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
) -> None:
    """List events, oldest first. With --json each line is exactly the full webhook body, plus its cursor.

    A program that keeps the last cursor it has seen, and passes it to --after, misses nothing.
    """
    anyio.run(partial(_events, invocation, after=after, glob=glob, limit=limit, follow=follow))


async def _events(
    invocation: Invocation, *, after: str | None, glob: str | None, limit: int | None, follow: bool
) -> None:
    async with opened(invocation) as store:

        async def read(place: str | None, most: int) -> Sequence[Item]:
            return await store.reports.events(after=place, type_glob=glob, limit=most)

        printer, left = ListPrinter(invocation, COLUMNS), limit
        while True:
            async for page in pages(read, _cursor, left, after):
                printer.print(page)
                left = None if left is None else left - len(page)
                after = _cursor(page[-1]) if page else after
            if left == 0:
                return
            if not follow:
                printer.end("No event yet.")
                return
            await anyio.sleep(_READ_AGAIN_AFTER)


def _cursor(item: Item) -> str:
    return str(item["cursor"])
