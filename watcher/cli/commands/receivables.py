"""`forecast` and `dso`: when money is due, and how long it was outstanding."""

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Annotated

import anyio
import typer

from watcher.cli.csv_output import CsvOption, print_found
from watcher.cli.open_store import known_source, opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Column, Item, field, shown
from watcher.clock import SystemClock
from watcher.core.exports import csv_tables
from watcher.core.invoices.weeks import PeriodKind
from watcher.ports import dso_item, forecast_items
from watcher.store import SqlDso, SqlForecasts

app = top_level()

SourceOption = Annotated[str | None, typer.Option("--source", help="Only invoices of this source.")]

_WORDS = {PeriodKind.OVERDUE: "overdue", PeriodKind.LATER: "later", PeriodKind.NO_DUE_DATE: "without a due date"}
_CURRENCY = Column("currency", lambda item: f"{item['currency']}{' (minor)' if item['unit'] else ''}")


def _period(item: Item) -> str:
    kind = PeriodKind(str(item["period"]))
    return _WORDS.get(kind) or f"{item['first_day']} to {item['last_day']}"


_FORECAST = (
    field("direction", "direction"),
    _CURRENCY,
    Column("due", _period),
    Column("invoices", lambda item: shown(item["count"] or None), right=True),
    Column("amount", lambda item: str(item["due"]) if item["count"] else "-", right=True, folds=False),
)
_DSO = (
    field("direction", "direction"),
    _CURRENCY,
    Column("paid in", lambda item: str(item["month"] or "month not known")),
    field("days", "days", right=True),
    field("median", "median_days", right=True),
    Column("paid", lambda item: str(item["paid"]) if item["invoices"] else "-", right=True, folds=False),
    Column("invoices", lambda item: shown(item["invoices"] or None), right=True),
    Column("left out", lambda item: shown(item["left_out"] or None), right=True),
)


@command(app, "forecast", "forecast --source acme")
def forecast(invocation: Invocation, *, source: SourceOption = None, as_csv: CsvOption = False) -> None:
    """Show what is due in which week, added up for each currency.

    Open and partially paid invoices count with what is still due: overdue, this week and the eleven after it, later,
    and without a due date. It says when money is due, not when it will come.
    """
    anyio.run(partial(_forecast, invocation, source, as_csv=as_csv))


@command(app, "dso", "dso --csv")
def dso(invocation: Invocation, *, source: SourceOption = None, as_csv: CsvOption = False) -> None:
    """Show days sales outstanding of the last twelve months: days from the issue of an invoice to its payment.

    The mean weighs each invoice by what was paid of it, the median weighs all alike. Paid invoices count whose provider
    gives an issue date and a payment date; the others are left out, and counted.
    """
    anyio.run(partial(_dso, invocation, source, as_csv=as_csv))


async def _forecast(invocation: Invocation, source: str | None, *, as_csv: bool) -> None:
    async with opened(invocation) as store:
        if source is not None:
            known_source(store.loaded, source)

        async def found() -> AsyncGenerator[Sequence[Item]]:
            rows = await SqlForecasts(store.store).forecast(SystemClock().now(), source)
            yield [item for row in rows for item in forecast_items(row)]

        await print_found(invocation, found(), _FORECAST, csv_tables.FORECAST, as_csv=as_csv, empty="Nothing is due.")


async def _dso(invocation: Invocation, source: str | None, *, as_csv: bool) -> None:
    async with opened(invocation) as store:
        zones = {one.name: one.timezone for one in store.loaded.configuration.sources.values()}
        if source is not None:
            known_source(store.loaded, source)

        async def found() -> AsyncGenerator[Sequence[Item]]:
            rows = await SqlDso(store.store).dso(SystemClock().now(), zones, source)
            yield [dso_item(row) for row in rows]

        await print_found(invocation, found(), _DSO, csv_tables.DSO, as_csv=as_csv, empty="No invoice is paid yet.")
