"""What a forecast of the money that is due needs from the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Protocol

from watcher.core.invoices.weeks import Period
from watcher.core.money import text
from watcher.ports.aging import AgingSum
from watcher.ports.invoice_list import Item

_EXACT = Context(prec=100)


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """What is due in one direction and currency, by period. `minor`: counted in minor units of unknown size."""

    direction: str
    currency: str
    minor: bool
    sums: tuple[tuple[Period, AgingSum], ...]

    @property
    def total(self) -> AgingSum:
        count, due = 0, Decimal(0)
        for _, found in self.sums:
            count, due = count + found.count, _EXACT.add(due, found.due)
        return AgingSum(count, due)


class Forecasts(Protocol):
    async def forecast(self, now: datetime, source: str | None = None) -> Sequence[ForecastRow]:
        """Watched open and partially paid invoices with something due, of one source or all, exactly added up.

        Weeks are those of the due days at the sources, the first that of today in UTC. Raises StoreUnavailable.
        """
        ...


def forecast_items(row: ForecastRow) -> Sequence[Item]:
    """One item for each period, as `--json` and the API show it."""
    return [
        {
            "direction": row.direction,
            "currency": row.currency,
            "unit": "minor" if row.minor else None,
            "period": period.kind.value,
            "first_day": None if period.first is None else period.first.isoformat(),
            "last_day": None if period.last is None else period.last.isoformat(),
            "count": found.count,
            "due": text(found.due),
        }
        for period, found in row.sums
    ]
