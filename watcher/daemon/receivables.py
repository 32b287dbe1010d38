"""The reports about money of a running service: as of now, in the time zones of its configuration."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from watcher.clock import Clock
from watcher.daemon.service import Service
from watcher.ports import Customer, CustomerKey, DsoRow, ForecastRow
from watcher.store import SqlCustomers, SqlDso, SqlForecasts


class ServiceReceivables:
    """`ports.Receivables`."""

    def __init__(self, service: Service, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._customers = SqlCustomers(service.store)

    async def customer(self, source: str, customer_id: str) -> Customer | None:
        return await self._customers.customer(source, customer_id, self._clock.now(), self._zones())

    async def customers(
        self, search: str | None = None, after: CustomerKey | None = None, limit: int | None = None
    ) -> Sequence[Customer]:
        now, zones = self._clock.now(), self._zones()
        return await self._customers.customers(now, zones, search=search, after=after, limit=limit)

    async def forecast(self, source: str | None = None) -> Sequence[ForecastRow]:
        return await SqlForecasts(self._service.store).forecast(self._clock.now(), source)

    async def dso(self, source: str | None = None) -> Sequence[DsoRow]:
        return await SqlDso(self._service.store).dso(self._clock.now(), self._zones(), source)

    def _zones(self) -> Mapping[str, ZoneInfo]:
        return {source.name: source.timezone for source in self._service.configuration.sources.values()}
