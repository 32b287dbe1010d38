"""The forecast: what is due in which week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices.weeks import periods, place
from watcher.ports import AgingSum, ForecastRow
from watcher.store.column_types import AnyRow, AnySelect, Instant
from watcher.store.engine import Store
from watcher.store.invoice_amounts import FILLED
from watcher.store.queries.filled import require_filled
from watcher.store.record_tables import invoice_amounts as amounts
from watcher.store.schema import STILL_DUE

_EXACT = Context(prec=100)
_OVERDUE = 0
_MONEY = (amounts.c.direction, amounts.c.currency, amounts.c.minor)
_Key = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class SqlForecasts:
    """`ports.Forecasts`."""

    store: Store

    async def forecast(self, now: datetime, source: str | None = None) -> Sequence[ForecastRow]:
        sums = _Sums(now)
        async with self.store.reading() as connection:
            await require_filled(connection, FILLED)
            rows = (await connection.execute(_by_day(now, source))).all()
            for row in rows:
                sums.add(row)
            if any(row.short < row.invoices for row in rows):
                await _add_long_ones(connection, sums, source)
        return sums.rows()


def _by_day(now: datetime, source: str | None) -> AnySelect:
    """In the order of an index, so nothing is sorted: there are as many rows as due days, not as invoices."""
    grouped = (amounts.c.source, *_MONEY, amounts.c.due_decimals, amounts.c.due_on)
    is_overdue = amounts.c.due_at <= literal(now, Instant())
    query = select(
        *grouped,
        func.count().label("invoices"),
        func.count(amounts.c.due_units).label("short"),
        func.sum(amounts.c.due_units).label("units"),
        func.count().filter(is_overdue).label("overdue"),
        func.sum(amounts.c.due_units).filter(is_overdue).label("overdue_units"),
    )
    query = query.where(STILL_DUE).group_by(*grouped)
    return query if source is None else query.where(amounts.c.source == source)


async def _add_long_ones(connection: AsyncConnection, sums: "_Sums", source: str | None) -> None:
    query = select(*_MONEY, amounts.c.due, amounts.c.due_on, amounts.c.due_at)
    query = query.where(STILL_DUE, amounts.c.due_units.is_(None))
    for row in await connection.execute(query if source is None else query.where(amounts.c.source == source)):
        sums.add_long(row)


def _key(row: AnyRow) -> _Key:
    return row.direction, row.currency, bool(row.minor)


class _Sums:
    """Rows of a forecast while they are added up: by direction and currency, then by period, count and sum."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._today = now.astimezone(UTC).date()
        self._periods = periods(self._today)
        self._found: dict[_Key, list[AgingSum]] = {}
        self._decimals: dict[_Key, int] = {}

    def add(self, row: AnyRow) -> None:
        decimals: int = row.due_decimals
        key = _key(row)
        self._decimals[key] = min(decimals, self._decimals.get(key, decimals))
        overdue, rest = int(row.overdue_units or 0), int(row.units or 0) - int(row.overdue_units or 0)
        for period, count, units in (
            (_OVERDUE, row.overdue, overdue),
            (self._place(row.due_on), row.invoices - row.overdue, rest),
        ):
            if count:
                self._put(row, period, count, Decimal(units).scaleb(-decimals, _EXACT))

    def add_long(self, row: AnyRow) -> None:
        """An amount that the database has only counted."""
        is_overdue = row.due_at is not None and row.due_at <= self._now
        self._put(row, _OVERDUE if is_overdue else self._place(row.due_on), 0, Decimal(row.due))

    def rows(self) -> list[ForecastRow]:
        return [self._row(key, self._found[key]) for key in sorted(self._found)]

    def _row(self, key: _Key, sums: Sequence[AgingSum]) -> ForecastRow:
        nothing = AgingSum(0, Decimal(0).scaleb(-self._decimals.get(key, 0), _EXACT))
        shown = (found if found.count else nothing for found in sums)
        return ForecastRow(*key, tuple(zip(self._periods, shown, strict=True)))

    def _place(self, due_on: date | None) -> int:
        return place(due_on, self._today)

    def _put(self, row: AnyRow, period: int, count: int, due: Decimal) -> None:
        sums = self._found.setdefault(_key(row), [AgingSum(0, Decimal(0))] * len(self._periods))
        before = sums[period]
        sums[period] = AgingSum(before.count + count, _EXACT.add(before.due, due))
