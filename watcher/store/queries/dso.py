"""Days sales outstanding: how long the money of each month's payments was outstanding."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Integer, case, func, literal, or_, select, type_coerce, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices.payment_days import Segment, months, segments
from watcher.ports import DsoRow
from watcher.store.column_types import AnyRow, AnySelect, microseconds, stamp
from watcher.store.engine import Store
from watcher.store.invoice_amounts import FILLED
from watcher.store.open_amounts import decimals_of
from watcher.store.queries.aging import by_zone
from watcher.store.queries.filled import require_filled
from watcher.store.record_tables import invoice_amounts as amounts
from watcher.store.schema import WAS_PAID

_EXACT = Context(prec=100)
_ROUNDED = Context(prec=100, rounding=ROUND_HALF_EVEN)
_TENTH = Decimal("0.1")
_DAY = 86_400_000_000
_MONEY = (amounts.c.direction, amounts.c.currency, amounts.c.minor)
_PAID_AT = type_coerce(amounts.c.paid_at, BigInteger)
_IS_PAID = or_(amounts.c.paid_units.is_(None), amounts.c.paid_units > 0)
"""What was settled by a credit alone was never outstanding until a payment."""
_Key = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class SqlDso:
    """`ports.DaysSalesOutstanding`."""

    store: Store

    async def dso(self, now: datetime, zones: Mapping[str, ZoneInfo], source: str | None = None) -> Sequence[DsoRow]:
        found: dict[_Key, _Currency] = {}
        async with self.store.reading() as connection:
            await require_filled(connection, FILLED)
            for zone, names in (await by_zone(connection, zones)).items():
                mine = names if source is None else [name for name in names if name == source]
                if mine:
                    await _add_up(connection, segments(now, zone), mine, found)
        return [row for key in sorted(found) for row in _rows(key, found[key], months(now.date()))]


async def _add_up(
    connection: AsyncConnection, stretches: Sequence[Segment], names: Sequence[str], found: dict[_Key, "_Currency"]
) -> None:
    of_stretch = [one.month for one in stretches]
    for row in await connection.execute(union_all(*(_by_days(*one, names) for one in enumerate(stretches)))):
        found.setdefault(_key(row), _Currency()).add(row, of_stretch)
    for row in await connection.execute(union_all(*(_long_ones(*one, names) for one in enumerate(stretches)))):
        found.setdefault(_key(row), _Currency()).add_long(row, of_stretch)
    for row in await connection.execute(_without_date(names)):
        found.setdefault(_key(row), _Currency()).undated += row.invoices


def _by_days(number: int, stretch: Segment, names: Sequence[str]) -> AnySelect:
    """As many rows as there are currencies and lengths of time, not as invoices."""
    days = _days(stretch)
    grouped = (*_MONEY, amounts.c.paid_decimals, days)
    figures = (func.count().label("invoices"), func.sum(amounts.c.paid_units).label("units"))
    query = select(literal(number, Integer).label("stretch"), *grouped, *figures).group_by(*grouped)
    return query.where(WAS_PAID, *_dated(stretch, names))


def _long_ones(number: int, stretch: Segment, names: Sequence[str]) -> AnySelect:
    query = select(literal(number, Integer).label("stretch"), *_MONEY, _days(stretch), amounts.c.paid)
    return query.where(WAS_PAID, *_dated(stretch, names), amounts.c.paid_units.is_(None))


def _days(stretch: Segment) -> ColumnElement[int]:
    """From issue to payment: none before the issue, null without one."""
    days = (_PAID_AT + microseconds(stretch.offset)) // _DAY - amounts.c.issued_day
    return case((days < 0, 0), else_=days).label("days")


def _dated(stretch: Segment, names: Sequence[str]) -> Sequence[ColumnElement[bool]]:
    in_stretch = (stamp(stretch.start) <= _PAID_AT, stamp(stretch.end) > _PAID_AT)
    return amounts.c.source.in_(names), *in_stretch, _IS_PAID


def _without_date(names: Sequence[str]) -> AnySelect:
    undated = (amounts.c.source.in_(names), amounts.c.paid_at.is_(None), _IS_PAID)
    return select(*_MONEY, func.count().label("invoices")).where(WAS_PAID, *undated).group_by(*_MONEY)


def _key(row: AnyRow) -> _Key:
    return row.direction, row.currency, bool(row.minor)


@dataclass(slots=True)
class _Month:
    """`paid` and `weighted` (by days) are whole units, by their decimals; `counts` are by days."""

    paid: dict[int, int] = field(default_factory=dict[int, int])
    weighted: dict[int, int] = field(default_factory=dict[int, int])
    counts: dict[int, int] = field(default_factory=dict[int, int])
    left_out: int = 0

    def put(self, days: int | None, count: int, units: int, decimals: int) -> None:
        if days is None:
            self.left_out += count
            return
        self.counts[days] = self.counts.get(days, 0) + count
        self.paid[decimals] = self.paid.get(decimals, 0) + units
        self.weighted[decimals] = self.weighted.get(decimals, 0) + units * days


@dataclass(slots=True)
class _Currency:
    months: dict[date, _Month] = field(default_factory=dict[date, _Month])
    undated: int = 0

    def add(self, row: AnyRow, of_stretch: Sequence[date]) -> None:
        stretch: int = row.stretch
        self._month(of_stretch[stretch]).put(row.days, row.invoices, int(row.units or 0), row.paid_decimals)

    def add_long(self, row: AnyRow, of_stretch: Sequence[date]) -> None:
        """An amount that the database has only counted."""
        paid, stretch = Decimal(row.paid), cast("int", row.stretch)
        decimals = decimals_of(paid)
        self._month(of_stretch[stretch]).put(row.days, 0, int(paid.scaleb(decimals, _EXACT)), decimals)

    def _month(self, month: date) -> _Month:
        return self.months.setdefault(month, _Month())


def _rows(key: _Key, found: _Currency, wanted: Sequence[date]) -> Iterator[DsoRow]:
    # Local months may begin before or after those of UTC: what was found is shown in any case.
    for month in sorted({*wanted, *found.months}):
        yield _row(month, key, found.months.get(month, _Month()))
    yield DsoRow(None, *key, invoices=0, paid=Decimal(0), days=None, median=None, left_out=found.undated)


def _row(month: date, key: _Key, found: _Month) -> DsoRow:
    paid = _exactly(found.paid)
    days = _ROUNDED.quantize(_ROUNDED.divide(_exactly(found.weighted), paid), _TENTH) if paid else None
    return DsoRow(
        month,
        *key,
        invoices=sum(found.counts.values()),
        paid=paid,
        days=days,
        median=_median(found.counts),
        left_out=found.left_out,
    )


def _exactly(units: Mapping[int, int]) -> Decimal:
    total = Decimal(0)
    for decimals, count in units.items():
        total = _EXACT.add(total, Decimal(count).scaleb(-decimals, _EXACT))
    return total


def _median(counts: Mapping[int, int]) -> int | None:
    """The lower one of two in the middle."""
    middle, seen = (sum(counts.values()) + 1) // 2, 0
    for days in sorted(counts):
        seen += counts[days]
        if seen >= middle:
            return days
    return None
