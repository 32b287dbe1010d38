"""Customers: who has watched invoices, and what of them was paid and is due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices.aging import Bucket
from watcher.ports import AgingRow, AgingSum, Customer, CustomerKey, CustomerSum
from watcher.store.column_types import AnyRow
from watcher.store.engine import Store
from watcher.store.invoice_amounts import FILLED
from watcher.store.queries.aging import of_customers
from watcher.store.queries.filled import require_filled
from watcher.store.record_tables import invoice_amounts as amounts
from watcher.store.schema import WATCHED

_EXACT = Context(prec=100)
_KEY = (amounts.c.customer_id, amounts.c.source)
_MONEY = (amounts.c.direction, amounts.c.currency, amounts.c.minor)
_NO_AMOUNTS = ""
"""The currency of an invoice without amounts."""

_Money = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class SqlCustomers:
    """`ports.Customers`."""

    store: Store

    async def customer(
        self, source: str, customer_id: str, now: datetime, zones: Mapping[str, ZoneInfo]
    ) -> Customer | None:
        async with self.store.reading() as connection:
            await require_filled(connection, FILLED)
            found = await _added_up(connection, [(customer_id, source)], now, zones)
        return found[0] if found else None

    async def customers(
        self,
        now: datetime,
        zones: Mapping[str, ZoneInfo],
        *,
        search: str | None = None,
        after: CustomerKey | None = None,
        limit: int | None = None,
    ) -> Sequence[Customer]:
        query = select(*_KEY).distinct().where(WATCHED, amounts.c.customer_id != "").order_by(*_KEY).limit(limit)
        if search is not None:
            named = amounts.c.customer_name.icontains(search, autoescape=True)
            query = query.where(or_(amounts.c.customer_id.icontains(search, autoescape=True), named))
        if after is not None:
            query = query.where(tuple_(*_KEY) > after)
        async with self.store.reading() as connection:
            await require_filled(connection, FILLED)
            keys = [(row.customer_id, row.source) for row in await connection.execute(query)]
            return await _added_up(connection, keys, now, zones)


async def _added_up(
    connection: AsyncConnection, keys: Sequence[CustomerKey], now: datetime, zones: Mapping[str, ZoneInfo]
) -> list[Customer]:
    """Those of these customers that have watched invoices, in this order."""
    if not keys:
        return []
    gathered: dict[CustomerKey, _Gathered] = {}
    for row in await connection.execute(_paid(keys)):
        gathered.setdefault((row.customer_id, row.source), _Gathered({}, {})).add(row)
    for row in await connection.execute(_long_ones(keys)):
        gathered[row.customer_id, row.source].add_long(row)
    due: dict[CustomerKey, dict[_Money, AgingRow]] = {}
    for row in await of_customers(connection, [(source, name) for name, source in keys], now, zones):
        due.setdefault((row.customer_id, row.group), {})[row.direction, row.currency, row.minor] = row
    return [_customer(key, gathered[key], due.get(key, {})) for key in keys if key in gathered]


def _of(keys: Sequence[CustomerKey]) -> ColumnElement[bool]:
    """More than these: the same ids at other sources, too. A condition that an index serves as it is."""
    return amounts.c.customer_id.in_(sorted({customer_id for customer_id, _ in keys}))


def _paid(keys: Sequence[CustomerKey]) -> Any:  # noqa: ANN401 -- a statement of many columns
    grouped = (*_KEY, *_MONEY, amounts.c.status, amounts.c.paid_decimals)
    name = func.max(amounts.c.customer_name).label("name")
    figures = (func.count().label("invoices"), func.sum(amounts.c.paid_units).label("units"))
    return select(*grouped, name, *figures).where(WATCHED, _of(keys)).group_by(*grouped)


def _long_ones(keys: Sequence[CustomerKey]) -> Any:  # noqa: ANN401 -- the same
    return select(*_KEY, *_MONEY, amounts.c.paid).where(WATCHED, _of(keys), amounts.c.paid_units.is_(None))


@dataclass(slots=True)
class _Gathered:
    """What was paid, and how many invoices there are by status: by direction and currency."""

    paid: dict[_Money, Decimal]
    statuses: dict[_Money, dict[str, int]]
    name: str | None = None

    def add(self, row: AnyRow) -> None:
        money = (row.direction, row.currency, bool(row.minor))
        counts = self.statuses.setdefault(money, {})
        counts[row.status] = counts.get(row.status, 0) + row.invoices
        self._put(money, Decimal(int(row.units or 0)).scaleb(-row.paid_decimals, _EXACT))
        self.name = row.name or self.name

    def add_long(self, row: AnyRow) -> None:
        self._put((row.direction, row.currency, bool(row.minor)), Decimal(row.paid))

    def _put(self, money: _Money, paid: Decimal) -> None:
        self.paid[money] = _EXACT.add(self.paid.get(money, Decimal(0)), paid)


def _customer(key: CustomerKey, found: _Gathered, due: Mapping[_Money, AgingRow]) -> Customer:
    sums = tuple(
        CustomerSum(
            *money,
            invoices=sum(counts.values()),
            statuses=counts,
            paid=found.paid[money],
            buckets=due[money].buckets if money in due else dict.fromkeys(Bucket, AgingSum(0, found.paid[money] * 0)),
        )
        for money, counts in sorted(found.statuses.items())
        if money[1] != _NO_AMOUNTS or len(found.statuses) == 1
    )
    customer_id, source = key
    return Customer(source, customer_id, found.name, sums)
