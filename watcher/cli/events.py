"""`events`: the history, and the history as it grows."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import anyio
import typer

from watcher.cli.opening import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Item, console, field, of_body, print_line, print_list, table

app = top_level()

_LOOK_AGAIN_AFTER = 1.0
_PAGE = 500


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
        printed = 0
        while True:
            wanted = _PAGE if limit is None else min(_PAGE, limit - printed)
            page = await store.reports.events(after=after, type_glob=glob, limit=wanted)
            _print(invocation, page, first=printed == 0)
            printed += len(page)
            after = str(page[-1]["cursor"]) if page else after
            if limit is not None and printed >= limit:
                return
            if len(page) == wanted:
                continue
            if not follow:
                return
            await anyio.sleep(_LOOK_AGAIN_AFTER)


def _print(invocation: Invocation, page: Sequence[Item], *, first: bool) -> None:
    if invocation.as_json:
        for item in page:
            print_line(item)
    elif first:
        print_list(invocation, page, COLUMNS, empty="No event yet.")
    elif page:
        rows = table(page, COLUMNS)
        rows.show_header = False
        console().print(rows)
