"""`aging`: what is due, and for how long."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, cast

import anyio
import typer

from watcher.cli.csv_output import CsvOption, print_found
from watcher.cli.open_store import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Column, Item, field
from watcher.clock import SystemClock
from watcher.core.exports import csv_tables
from watcher.core.invoices.aging import Bucket
from watcher.ports import AgingBy, AgingKey, AgingRow, aging_item
from watcher.ports.paging import mapped, pages
from watcher.store import SqlAging

app = top_level()

_TITLES = {
    Bucket.NOT_DUE: "not due",
    Bucket.DAYS_1_7: "1-7 days",
    Bucket.DAYS_8_30: "8-30 days",
    Bucket.DAYS_31_60: "31-60 days",
    Bucket.DAYS_61_90: "61-90 days",
    Bucket.DAYS_OVER_90: "over 90 days",
}


def _sum(title: str, name: str) -> Column:
    """An amount, with the number of invoices behind it."""

    def value(item: Item) -> str:
        found = cast("Item", item[name])
        return f"{found['due']} ({found['count']})" if found["count"] else "-"

    return Column(title, value, right=True, folds=False)


_GROUPS = {
    AgingBy.SOURCE: (field("source", "source"),),
    AgingBy.CUSTOMER: (
        field("source", "source"),
        field("customer", "customer_id"),
        field("name", "customer_name"),
    ),
    AgingBy.TAG: (field("tag", "tag"),),
}
_MONEY = (
    field("direction", "direction"),
    Column("currency", lambda item: f"{item['currency']}{' (minor)' if item['unit'] else ''}"),
    *(_sum(title, bucket.value) for bucket, title in _TITLES.items()),
    _sum("total", "total"),
)


@command(app, "aging", "aging --by customer")
def aging(
    invocation: Invocation,
    *,
    by: Annotated[AgingBy, typer.Option("--by", help="What the rows are for.")] = AgingBy.SOURCE,
    as_csv: CsvOption = False,
) -> None:
    """Show what is due and for how many days, added up for each currency, with the number of invoices.

    Open and partially paid invoices count. Days are local ones at the source, and begin at the due instant. An invoice
    with several tags counts for each of them.
    """
    anyio.run(partial(_aging, invocation, by, as_csv=as_csv))


async def _aging(invocation: Invocation, by: AgingBy, *, as_csv: bool) -> None:
    now = SystemClock().now()
    async with opened(invocation) as store:
        report = SqlAging(store.store)
        zones = {source.name: source.timezone for source in store.loaded.configuration.sources.values()}

        async def read(after: AgingKey | None, most: int) -> Sequence[AgingRow]:
            return await report.report(by, now, zones, after=after, limit=most)

        found = mapped(pages(read, lambda row: row.key), aging_item)
        columns = (*_GROUPS[by], *_MONEY)
        await print_found(invocation, found, columns, csv_tables.AGING, as_csv=as_csv, empty="Nothing is due.")
