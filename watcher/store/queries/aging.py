"""The aging report: what is due, by source, customer or tag, and for how long."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, ColumnElement, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices.aging import Bucket, beginnings
from watcher.ports import AgingBy, AgingKey, AgingRow, AgingSum
from watcher.store.column_types import AnyRow, AnySelect, Instant
from watcher.store.engine import Store
from watcher.store.open_amounts import FILLED
from watcher.store.queries.filled import require_filled
from watcher.store.record_tables import open_amounts as amounts
from watcher.store.schema import LONG_AMOUNT, WATCHED
from watcher.store.tables import sources

_EXACT = Context(prec=100)
_UTC = ZoneInfo("UTC")
_BUCKETS = tuple(Bucket)
_MONEY = (amounts.c.direction, amounts.c.currency, amounts.c.minor)
_COLUMNS: Mapping[AgingBy, tuple[Column[Any], ...]] = {
    AgingBy.SOURCE: (amounts.c.source,),
    AgingBy.CUSTOMER: (amounts.c.source, amounts.c.customer_id),
    AgingBy.TAG: (amounts.c.source, amounts.c.tags),
}
"""The indexes of the table have these orders."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """Rows of `by` from one key to another; without, all."""

    by: AgingBy
    first: AgingKey | None = None
    last: AgingKey | None = None
    customers: Sequence[tuple[str, str]] | None = None
    """Those with the ids of these, by source and id."""

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        key = tuple_(*_COLUMNS[self.by], *_MONEY)
        if self.customers is not None:
            yield amounts.c.customer_id.in_(sorted({name for _, name in self.customers}))
        if self.first is not None and self.last is not None:
            yield key >= tuple_(*_values(self.first))
            yield key <= tuple_(*_values(self.last))


@dataclass(frozen=True, slots=True)
class SqlAging:
    """`ports.Aging`."""

    store: Store

    async def report(
        self,
        by: AgingBy,
        now: datetime,
        zones: Mapping[str, ZoneInfo],
        *,
        after: AgingKey | None = None,
        limit: int | None = None,
    ) -> Sequence[AgingRow]:
        async with self.store.reading() as connection:
            await require_filled(connection, FILLED)
            page, keys = _Slice(by), ()
            if by is AgingBy.CUSTOMER:
                # There may be as many customers as invoices: only those of the page are added up.
                keys = await _customer_keys(connection, after, limit)
                if not keys:
                    return ()
                page = _Slice(by, keys[0], keys[-1])
            sums = _Sums(by, keys)
            await _add_up(connection, page, sums, now, zones)
        rows = sums.rows()
        if by is AgingBy.CUSTOMER:
            return rows
        return [row for row in rows if after is None or row.key > after][:limit]


async def of_customers(
    connection: AsyncConnection,
    customers: Sequence[tuple[str, str]],
    now: datetime,
    zones: Mapping[str, ZoneInfo],
) -> list[AgingRow]:
    """The rows of these customers, by source and id."""
    await require_filled(connection, FILLED)
    sums, wanted = _Sums(AgingBy.CUSTOMER, ()), frozenset(customers)
    await _add_up(connection, _Slice(AgingBy.CUSTOMER, customers=customers), sums, now, zones)
    return [row for row in sums.rows() if (row.group, row.customer_id) in wanted]


async def _add_up(
    connection: AsyncConnection, page: _Slice, sums: "_Sums", now: datetime, zones: Mapping[str, ZoneInfo]
) -> None:
    for zone, names in (await by_zone(connection, zones)).items():
        starts = beginnings(now, zone)
        for row in await connection.execute(_added_up(page, names, starts)):
            sums.add(row)
        for row in await connection.execute(_long_ones(page, names)):
            sums.add_long(row, starts)


async def by_zone(connection: AsyncConnection, zones: Mapping[str, ZoneInfo]) -> Mapping[ZoneInfo, Sequence[str]]:
    """All sources, removed ones included, by their time zone."""
    found: dict[ZoneInfo, list[str]] = {}
    for name in (await connection.execute(select(sources.c.name).order_by(sources.c.name))).scalars():
        found.setdefault(zones.get(name, _UTC), []).append(name)
    return found


async def _customer_keys(connection: AsyncConnection, after: AgingKey | None, limit: int | None) -> Sequence[AgingKey]:
    columns = (*_COLUMNS[AgingBy.CUSTOMER], *_MONEY)
    query = select(*columns).distinct().where(WATCHED).order_by(*columns).limit(limit)
    if after is not None:
        query = query.where(tuple_(*columns) > tuple_(*_values(after)))
    rows = await connection.execute(query)
    return [(row.source, row.customer_id, row.direction, row.currency, int(row.minor)) for row in rows]


def _values(key: AgingKey) -> tuple[ColumnElement[Any], ...]:
    return *(literal(part) for part in key[:4]), literal(bool(key[4]))


def _added_up(page: _Slice, names: Sequence[str], starts: Sequence[datetime]) -> AnySelect:
    """For each group, the number and units of all amounts, and of those due before each bucket begins."""
    is_by_customer = page.by is AgingBy.CUSTOMER
    grouped = (*_COLUMNS[page.by], *_MONEY, amounts.c.decimals)
    name = func.max(amounts.c.customer_name) if is_by_customer else literal(None)
    figures: list[ColumnElement[Any]] = [func.count(), func.sum(amounts.c.units)]
    for start in starts:
        is_older = amounts.c.due_at < literal(start, Instant())
        figures += [func.count().filter(is_older), func.sum(amounts.c.units).filter(is_older)]
    labelled = [figure.label(f"figure_{number}") for number, figure in enumerate(figures)]
    return (
        select(*grouped, name.label("customer_name"), *labelled)
        .where(WATCHED, amounts.c.source.in_(names), *page.conditions())
        .group_by(*grouped)
    )


def _long_ones(page: _Slice, names: Sequence[str]) -> AnySelect:
    columns = (*_COLUMNS[page.by], *_MONEY, amounts.c.due, amounts.c.due_at)
    return select(*columns).where(LONG_AMOUNT, amounts.c.source.in_(names), *page.conditions())


def _nothing() -> list[tuple[int, Decimal]]:
    return [(0, Decimal(0))] * len(_BUCKETS)


class _Sums:
    """Rows of a report while they are added up: by key, then by bucket, count and sum."""

    def __init__(self, by: AgingBy, keys: Sequence[AgingKey]) -> None:
        """`keys` are those of the page, in the order of the database, if it has chosen them."""
        self._by = by
        self._found: dict[AgingKey, list[tuple[int, Decimal]]] = {key: _nothing() for key in keys}
        self._names: dict[AgingKey, str] = {}
        self._decimals: dict[AgingKey, int] = {}

    def add(self, row: AnyRow) -> None:
        figures = [figure or 0 for figure in tuple(row)[-2 * len(_BUCKETS) :]]
        counts, units = [*figures[::2], 0], [*figures[1::2], 0]
        for key in self._keys(row):
            self._decimals[key] = min(row.decimals, self._decimals.get(key, row.decimals))
            for number in range(len(_BUCKETS)):
                if count := counts[number] - counts[number + 1]:
                    money = Decimal(int(units[number]) - int(units[number + 1])).scaleb(-row.decimals, _EXACT)
                    self._put(key, number, count, money)
            if row.customer_name is not None:
                self._names[key] = row.customer_name

    def add_long(self, row: AnyRow, starts: Sequence[datetime]) -> None:
        """An amount that the database has only counted."""
        number = 0 if row.due_at is None else sum(row.due_at < start for start in starts)
        for key in self._keys(row):
            self._put(key, number, 0, Decimal(row.due))

    def rows(self) -> list[AgingRow]:
        keys = self._found if self._by is AgingBy.CUSTOMER else sorted(self._found)
        return [self._row(key, self._found[key]) for key in keys]

    def _keys(self, row: AnyRow) -> Iterable[AgingKey]:
        money = row.direction, row.currency, int(row.minor)
        if self._by is AgingBy.TAG:
            return [(tag, "", *money) for tag in row.tags or ("",)]
        return [(row.source, row.customer_id if self._by is AgingBy.CUSTOMER else "", *money)]

    def _put(self, key: AgingKey, number: int, count: int, due: Decimal) -> None:
        buckets = self._found.setdefault(key, _nothing())
        buckets[number] = buckets[number][0] + count, _EXACT.add(buckets[number][1], due)

    def _row(self, key: AgingKey, buckets: Sequence[tuple[int, Decimal]]) -> AgingRow:
        group, customer_id, direction, currency, minor = key
        return AgingRow(
            by=self._by,
            group=group,
            customer_id=customer_id,
            customer_name=self._names.get(key),
            direction=direction,
            currency=currency,
            minor=bool(minor),
            buckets={
                bucket: AgingSum(count, due if count else due.scaleb(-self._decimals.get(key, 0), _EXACT))
                for bucket, (count, due) in zip(_BUCKETS, buckets, strict=True)
            },
        )
