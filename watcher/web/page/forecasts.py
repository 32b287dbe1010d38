"""Reports along time: what is due in which week, and how long money was outstanding in which month."""

from collections.abc import Sequence
from itertools import groupby

from watcher.core.invoices.weeks import Period, PeriodKind
from watcher.ports import DsoRow, ForecastRow
from watcher.web.page.charts import Part, bar
from watcher.web.page.filters import SourceFilter
from watcher.web.page.view import PageRequest, View

_WORDS = {
    PeriodKind.OVERDUE: "Overdue",
    PeriodKind.LATER: "Later",
    PeriodKind.NO_DUE_DATE: "Without a due date",
}
_OTHER = "calm"
_KINDS = {PeriodKind.OVERDUE: "bad", PeriodKind.NO_DUE_DATE: "rest"}
"""The colours of bars."""


async def forecast(page_request: PageRequest) -> View:
    asked = page_request.query(SourceFilter)
    found = await page_request.backend.receivables.forecast(asked.source)
    context = {"tables": [(row, _periods(row)) for row in found]}
    return View("forecast.html", "reports", _around(page_request, asked) | context)


def _periods(row: ForecastRow) -> list[tuple[str, Period, object, tuple[Part, ...]]]:
    """Bars have one scale within a currency: its largest period."""
    most = max(found.due for _, found in row.sums)
    return [
        (_WORDS.get(period.kind, ""), period, found, bar([(_KINDS.get(period.kind, _OTHER), found.due)], most))
        for period, found in row.sums
    ]


async def dso(page_request: PageRequest) -> View:
    asked = page_request.query(SourceFilter)
    found = await page_request.backend.receivables.dso(asked.source)
    tables = [
        (money, _months(list(rows)))
        for money, rows in groupby(found, key=lambda row: (row.direction, row.currency, row.minor))
    ]
    return View("dso.html", "reports", _around(page_request, asked) | {"tables": tables})


def _months(rows: Sequence[DsoRow]) -> list[tuple[DsoRow, tuple[Part, ...]]]:
    """Bars have one scale within a currency: its longest time, in tenths of a day."""
    most = max((row.days for row in rows if row.days is not None), default=0)
    return [(row, bar([(_OTHER, row.days or 0)], most)) for row in rows]


def _around(page_request: PageRequest, asked: SourceFilter) -> dict[str, object]:
    chosen = {"source": asked.source} if asked.source else {}
    return {"chosen": chosen, "sources": sorted(page_request.backend.rates())}
