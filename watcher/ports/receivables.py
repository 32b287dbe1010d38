"""The reports about money that is due or was paid, as of now and in the time zones of the sources."""

from collections.abc import Sequence
from typing import Protocol

from watcher.ports.customers import Customer, CustomerKey
from watcher.ports.dso import DsoRow
from watcher.ports.forecast import ForecastRow


class Receivables(Protocol):
    """As `Customers`, `Forecasts` and `DaysSalesOutstanding` say. Each method raises StoreUnavailable."""

    async def customer(self, source: str, customer_id: str) -> Customer | None: ...

    async def customers(
        self, search: str | None = None, after: CustomerKey | None = None, limit: int | None = None
    ) -> Sequence[Customer]: ...

    async def forecast(self, source: str | None = None) -> Sequence[ForecastRow]: ...

    async def dso(self, source: str | None = None) -> Sequence[DsoRow]: ...
