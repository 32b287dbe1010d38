"""`audit`: who changed what."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

import anyio
import typer

from watcher.cli.arguments import MOMENTS, moment
from watcher.cli.csv_output import CsvOption, print_found
from watcher.cli.open_store import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Item, field
from watcher.core.exports import csv_tables
from watcher.ports.paging import mapped, pages

app = top_level()

COLUMNS = (
    field("at", "at"),
    field("who", "who"),
    field("action", "action"),
    field("target", "target"),
    field("outcome", "outcome"),
)


@command(app, "audit", "audit --since 7d")
def audit(
    invocation: Invocation,
    *,
    since: Annotated[
        datetime | None,
        typer.Option("--since", metavar="WHEN", help=f"{MOMENTS[0].upper()}{MOMENTS[1:]}.", parser=moment),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most this many.")] = None,
    as_csv: CsvOption = False,
) -> None:
    """List what was changed by API, page or command line, by whom, and what was refused; the newest first."""
    anyio.run(partial(_audit, invocation, since=since, limit=limit, as_csv=as_csv))


async def _audit(invocation: Invocation, *, since: datetime | None, limit: int | None, as_csv: bool) -> None:
    empty = "Nothing was changed by hand." if since is None else "Nothing was changed by hand since then."
    async with opened(invocation) as store:

        async def read(before: int | None, most: int) -> Sequence[tuple[int, Item]]:
            return await store.reports.audit(since=since, before=before, limit=most)

        found = mapped(pages(read, lambda row: row[0], limit), lambda row: row[1])
        await print_found(invocation, found, COLUMNS, csv_tables.AUDIT, as_csv=as_csv, empty=empty)
