"""Adds up the money of all watched invoices, exactly, inside the database: a Python loop would hold up everything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.instants import instant_text
from watcher.ports import Age, MoneyUnit, Sum
from watcher.store.column_types import AnyRow

_Key = TypeVar("_Key")

WEEKS_BEFORE, WEEKS_AFTER = timedelta(weeks=9), timedelta(weeks=4)
"""From the Monday of this week: due dates within have their week, the last of them the third after this one."""

_EXACT = Context(prec=100)
_AGES = [age for age in Age if age is not Age.OLDER]
_AGE = " ".join(f"WHEN due_at >= :since_{age} THEN {int(age)}" for age in _AGES)

_SQLITE = f"""
WITH amounts AS (
    SELECT watches.status, watches.overdue,
        json_extract(document, '$.direction') AS direction, json_extract(document, '$.due_at') AS due_at,
        json_extract(document, '$.due_on') AS due_on, json_extract(value, '$.currency') AS currency,
        json_extract(value, '$.unit') IS NOT NULL AS minor,
        json_extract(value, '$.total') AS total, json_extract(value, '$.paid') AS paid,
        json_extract(value, '$.due') AS due
    FROM watches JOIN snapshots ON watch_id = watches.id AND snapshots.version = watches.version,
        json_each(document, '$.amounts')
    WHERE origins != ''
), units AS (
    SELECT *, CASE WHEN overdue THEN CASE {_AGE} ELSE 0 END END AS age,
        CASE WHEN due_on >= :first_week AND due_on < :weeks_end AND status != 'draft'
            THEN date(due_on, 'weekday 0', '-6 days') END AS week,
        max(length(total), length(paid), length(due)) > 12 AS is_long,
        CASE instr(total, '.') WHEN 0 THEN 0 ELSE length(total) - instr(total, '.') END AS total_decimals,
        CASE instr(paid, '.') WHEN 0 THEN 0 ELSE length(paid) - instr(paid, '.') END AS paid_decimals,
        CASE instr(due, '.') WHEN 0 THEN 0 ELSE length(due) - instr(due, '.') END AS due_decimals
    FROM amounts
)
SELECT direction, currency, minor, status, age, week, count(*) AS invoices, total_decimals, paid_decimals, due_decimals,
    CASE WHEN is_long THEN total END AS total_text, CASE WHEN is_long THEN paid END AS paid_text,
    CASE WHEN is_long THEN due END AS due_text,
    sum(CASE WHEN is_long THEN 0 ELSE CAST(replace(total, '.', '') AS INTEGER) END) AS total,
    sum(CASE WHEN is_long THEN 0 ELSE CAST(replace(paid, '.', '') AS INTEGER) END) AS paid,
    sum(CASE WHEN is_long THEN 0 ELSE CAST(replace(due, '.', '') AS INTEGER) END) AS due
FROM units
GROUP BY direction, currency, minor, status, age, week, total_decimals, paid_decimals, due_decimals,
    total_text, paid_text, due_text
"""  # noqa: S608 -- fixed words
"""SQLite has no exact decimals: whole units are added, separately for each number of decimals.

Values of up to 12 characters fit in 64 bits even as a sum of millions; longer ones are grouped by their value.
"""

_POSTGRESQL = f"""
WITH amounts AS (
    SELECT watches.status, watches.overdue, shown ->> 'direction' AS direction, shown ->> 'due_at' AS due_at,
        shown ->> 'due_on' AS due_on, amount ->> 'currency' AS currency, amount ->> 'unit' IS NOT NULL AS minor,
        CAST(amount ->> 'total' AS numeric) AS total, CAST(amount ->> 'paid' AS numeric) AS paid,
        CAST(amount ->> 'due' AS numeric) AS due
    FROM watches JOIN snapshots ON watch_id = watches.id AND snapshots.version = watches.version
        CROSS JOIN LATERAL (SELECT CAST(document AS jsonb) AS shown) AS read
        CROSS JOIN LATERAL jsonb_array_elements(shown -> 'amounts') AS amount
    WHERE origins != ''
), aged AS (
    SELECT *, CASE WHEN overdue THEN CASE {_AGE} ELSE 0 END END AS age,
        CASE WHEN due_on >= :first_week AND due_on < :weeks_end AND status != 'draft'
            THEN CAST(date_trunc('week', CAST(due_on AS timestamp)) AS date) END AS week
    FROM amounts
)
SELECT direction, currency, minor, status, age, week, count(*) AS invoices, 0 AS total_decimals, 0 AS paid_decimals,
    0 AS due_decimals, NULL AS total_text, NULL AS paid_text, NULL AS due_text,
    sum(total) AS total, sum(paid) AS paid, sum(due) AS due
FROM aged GROUP BY direction, currency, minor, status, age, week
"""  # noqa: S608 -- fixed words


@dataclass(frozen=True, slots=True)
class Totals:
    by_status: Mapping[tuple[MoneyUnit, str], Sum]
    by_age: Mapping[tuple[MoneyUnit, Age], Sum]
    by_week: Mapping[tuple[MoneyUnit, date], Sum]


async def sums(connection: AsyncConnection, now: datetime) -> Totals:
    """Never across currencies; an invoice of several currencies counts in each."""
    statement = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    since = {f"since_{age}": instant_text(now - timedelta(days=age)) for age in _AGES}
    monday = now.date() - timedelta(days=now.weekday())
    weeks = {"first_week": (monday - WEEKS_BEFORE).isoformat(), "weeks_end": (monday + WEEKS_AFTER).isoformat()}
    by_status: dict[tuple[MoneyUnit, str], Sum] = {}
    by_age: dict[tuple[MoneyUnit, Age], Sum] = {}
    by_week: dict[tuple[MoneyUnit, date], Sum] = {}
    for row in await connection.execute(text(statement), since | weeks):
        money_unit, found = MoneyUnit(row.direction, row.currency, bool(row.minor)), _sum(row)
        _put(by_status, (money_unit, row.status), found)
        if row.age is not None:
            _put(by_age, (money_unit, Age(row.age)), found)
        if row.week is not None:
            _put(by_week, (money_unit, date.fromisoformat(str(row.week))), found)
    return Totals(by_status, by_age, by_week)


def _put(sums: dict[_Key, Sum], key: _Key, found: Sum) -> None:
    so_far = sums.get(key)
    sums[key] = found if so_far is None else _added(so_far, found)


def _added(one: Sum, other: Sum) -> Sum:
    return Sum(
        one.count + other.count,
        _EXACT.add(one.total, other.total),
        _EXACT.add(one.paid, other.paid),
        _EXACT.add(one.due, other.due),
    )


def _sum(row: AnyRow) -> Sum:
    return Sum(
        row.invoices,
        _amount(row.total, row.total_decimals, row.total_text, row.invoices),
        _amount(row.paid, row.paid_decimals, row.paid_text, row.invoices),
        _amount(row.due, row.due_decimals, row.due_text, row.invoices),
    )


def _amount(units: int | Decimal, decimals: int, repeated: str | None, count: int) -> Decimal:
    if repeated is not None:
        return _EXACT.multiply(Decimal(repeated), Decimal(count))
    return Decimal(units).scaleb(-decimals, _EXACT)
