"""Inserts new watches, a step of a long list at once: one statement that also finds out which exist already."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Subquery, Text, bindparam, cast, func, literal, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from watcher.ports import WatchState
from watcher.store.column_types import Instant, Tags, storable
from watcher.store.notifications import Notice, notify
from watcher.store.tables import watches
from watcher.store.watches.desired import Discovery, loads, unite


class NewWatch(NamedTuple):
    """An invoice to watch, due at once; `listed` and `added` are desired states as `desired.dumps` writes them."""

    source: str
    invoice_id: str
    listed: str | None
    added: str | None = None
    found: Discovery | None = None


async def insert(connection: AsyncConnection, new: Sequence[NewWatch], now: datetime) -> frozenset[tuple[str, str]]:
    """Insert those that have no row yet; returns which these were, as (source, invoice id)."""
    if not new:
        return frozenset()
    # Many entries with equal values are sent, and decoded, once for all of them: that halves the time.
    alike: dict[tuple[object, ...], tuple[NewWatch, list[str]]] = {}
    for one in new:
        _, ids = alike.setdefault((one.source, one.listed, one.added, one.found), (one, []))
        ids.append(storable(one.invoice_id))
    rows = [(*_desired_values(connection, first), ids) for first, ids in alike.values()]
    parameters = {"rows": json.dumps(rows, separators=(",", ":")), "now": now}
    inserted = await connection.execute(_INSERTS[connection.dialect.name], parameters)
    await notify(connection, Notice.POLLS)
    return frozenset((row.source, row.invoice_id) for row in inserted)


def _desired_values(connection: AsyncConnection, new: NewWatch) -> tuple[object, ...]:
    """The values of `_DESIRED`, as they are stored."""
    united = unite(loads(new.listed), loads(new.added), new.found)
    return (
        new.source,
        new.listed,
        new.added,
        new.found,
        united.origins,
        Tags().process_bind_param(united.tags, connection.dialect),
        None if united.due_on is None else united.due_on.isoformat(),
        None if united.note is None else storable(united.note),
    )


_DESIRED = ("source", "listed", "added", "discovered", "origins", "tags", "due_on", "note")
_IDS = len(_DESIRED)


def _insert(kind: Any, united: Subquery, invoice_id: ColumnElement[str]) -> ReturningInsert[Any]:  # noqa: ANN401 -- either dialect's
    now = bindparam("now", type_=Instant())
    columns = [*_DESIRED, "invoice_id", "state", "created_at", "poll_at", "due_at"]
    values = [*(united.c[name] for name in _DESIRED), invoice_id, literal(WatchState.ACTIVE.value), now, now, now]
    # Without a WHERE before it, SQLite would take ON CONFLICT for a join's ON.
    inserting = kind(watches).from_select(columns, select(*values).where(true()))
    return inserting.on_conflict_do_nothing().returning(watches.c.source, watches.c.invoice_id)


def _apart(*parts: ColumnElement[Any]) -> Subquery:
    """Without an offset, both databases would decode a row again for each of its ids."""
    return select(*parts).offset(0).subquery("desired")


def _sqlite() -> ReturningInsert[Any]:
    row = func.json_each(bindparam("rows", type_=Text)).table_valued("value", name="rows").c.value
    parts = [func.json_extract(row, f"$[{place}]", type_=Text).label(name) for place, name in enumerate(_DESIRED)]
    united = _apart(*parts, func.json_extract(row, f"$[{_IDS}]", type_=Text).label("ids"))
    ids = func.json_each(united.c.ids).table_valued("value", name="ids", joins_implicitly=True)
    return _insert(sqlite.insert, united, ids.c.value)


def _postgresql() -> ReturningInsert[Any]:
    array = func.jsonb_array_elements(cast(bindparam("rows", type_=Text), JSONB))
    row = array.table_valued(Column("value", JSONB), name="rows").c.value
    parts = [row[place].astext.label(name) for place, name in enumerate(_DESIRED)]
    united = _apart(*parts, row[_IDS].label("ids"))
    ids = func.jsonb_array_elements_text(united.c.ids).table_valued("value", name="ids", joins_implicitly=True)
    return _insert(postgresql.insert, united, ids.c.value)


_INSERTS = {"sqlite": _sqlite(), "postgresql": _postgresql()}
