"""What days sales outstanding need from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from watcher.core.money import text
from watcher.ports.invoice_list import Item


@dataclass(frozen=True, slots=True)
class DsoRow:
    """The invoices that were paid in one local month, in one direction and currency.

    `days` is how long their money was outstanding, from the issue date to the payment date, each invoice weighed by
    what was paid of it; `median` is the middle one of them, each weighed alike. Both are None without `invoices`.
    `left_out` counts those that were paid in this month and have no issue date. Without a `month`: those that are paid
    and have no payment date.
    """

    month: date | None
    direction: str
    currency: str
    minor: bool
    invoices: int
    paid: Decimal
    days: Decimal | None
    median: int | None
    left_out: int


class DaysSalesOutstanding(Protocol):
    async def dso(self, now: datetime, zones: Mapping[str, ZoneInfo], source: str | None = None) -> Sequence[DsoRow]:
        """Watched paid invoices of one source or all, by direction, currency and month: the last twelve, oldest first.

        The row without a month stands at the end of its currency. `zones` are the time zones of the sources; without
        one it is UTC. Raises StoreUnavailable.
        """
        ...


def dso_item(row: DsoRow) -> Item:
    """The row as `--json` and the API show it."""
    return {
        "direction": row.direction,
        "currency": row.currency,
        "unit": "minor" if row.minor else None,
        "month": None if row.month is None else row.month.isoformat()[:7],
        "invoices": row.invoices,
        "paid": text(row.paid),
        "days": None if row.days is None else text(row.days),
        "median_days": row.median,
        "left_out": row.left_out,
    }
