"""The list of invoices: filtered by the watches, sorted by the indexes of `invoice_amounts`, then read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    TextClause,
    and_,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    type_coerce,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import json_text
from watcher.ports import InvoicePlace, InvoiceQuery, InvoiceSort, Item, ListedInvoice
from watcher.store.column_types import AnyRow, AnySelect, has_tag
from watcher.store.invoice_amounts import FILLED
from watcher.store.queries.filled import require_filled
from watcher.store.record_tables import invoice_amounts as amounts
from watcher.store.schema import LISTED, NAMED, WATCHED
from watcher.store.tables import snapshots, watches

_CHUNK = 1000
_AnyColumn = ColumnElement[Any]
_Condition = ColumnElement[bool] | TextClause


@dataclass(frozen=True, slots=True)
class _Order:
    """`columns` are sorted by, then the key of the watch. `reversed`: what rises while they fall is the list."""

    columns: tuple[_AnyColumn, ...]
    reversed: bool = False
    has_unknown: bool = False


_ORDERS: Mapping[InvoiceSort, _Order] = {
    InvoiceSort.DUE_DATE: _Order((type_coerce(amounts.c.due_on, Text),), has_unknown=True),
    InvoiceSort.AGE: _Order((type_coerce(amounts.c.began_on, Text),), reversed=True, has_unknown=True),
    InvoiceSort.LAST_CHANGE: _Order((type_coerce(amounts.c.changed_at, BigInteger),)),
    InvoiceSort.AMOUNT_DUE: _Order((amounts.c.currency, amounts.c.minor, amounts.c.due_rank)),
}
_BY_ID = (watches.c.source, watches.c.invoice_id)
_BY_WATCH: _AnyColumn = literal_column("+invoice_amounts.watch_id", BigInteger())
"""With a plus, so that SQLite goes by the order of the list and stops where the page is full."""
_NEWEST = select(watches.c.id, snapshots.c.document, snapshots.c.observed_at).join(
    snapshots, and_(snapshots.c.watch_id == watches.c.id, snapshots.c.version == watches.c.version)
)


async def invoice_list(connection: AsyncConnection, query: InvoiceQuery) -> list[ListedInvoice]:
    """The newest snapshot of every watched invoice that has one. Raises StoreUnavailable."""
    if query.get("sort", InvoiceSort.ID) is InvoiceSort.ID:
        return await _by_id(connection, query)
    await require_filled(connection, FILLED)
    return await _read(connection, await _sorted(connection, query))


async def _by_id(connection: AsyncConnection, query: InvoiceQuery) -> list[ListedInvoice]:
    # Chosen and ordered by one index, before any row or document is read.
    descending = query.get("descending", False)
    order = [column.desc() if descending else column for column in _BY_ID]
    chosen = select(watches.c.id).where(*_conditions(query)).order_by(*order).limit(query.get("limit"))
    if (after := query.get("after")) is not None:
        chosen = chosen.where(tuple_(*_BY_ID) < after if descending else tuple_(*_BY_ID) > after)
    if query.get("currency") is not None or query.get("customer") is not None:
        await require_filled(connection, FILLED)
    rows = await connection.execute(_NEWEST.where(watches.c.id.in_(chosen)).order_by(*order))
    found = [(_item(row), row) for row in rows]
    return [ListedInvoice((str(item["source"]), str(item["id"])), item, row.observed_at) for item, row in found]


def _conditions(query: InvoiceQuery) -> Iterator[_Condition]:
    yield watches.c.origins != ""
    yield watches.c.status.is_not(None)
    if (status := query.get("status")) is not None:
        yield watches.c.status == status.value
    if (overdue := query.get("overdue")) is not None:
        yield watches.c.overdue == overdue
    if (source := query.get("source")) is not None:
        yield watches.c.source == source
    if (tag := query.get("tag")) is not None:
        yield has_tag(watches.c.tags, tag)
    if (search := query.get("search")) is not None:
        by_id = watches.c.invoice_id.icontains(search, autoescape=True)
        yield or_(by_id, watches.c.number.icontains(search, autoescape=True))
    if (customer := query.get("customer")) is not None:
        yield watches.c.id.in_(
            union_all(
                select(amounts.c.watch_id).where(WATCHED, amounts.c.customer_id == customer),
                select(amounts.c.watch_id).where(NAMED, amounts.c.customer_name == customer),
            )
        )
    if (currency := query.get("currency")) is not None:
        yield watches.c.id.in_(select(amounts.c.watch_id).where(WATCHED, amounts.c.currency == currency))


_FILTERS = ("status", "overdue", "source", "tag", "search", "customer", "currency")


async def _sorted(connection: AsyncConnection, query: InvoiceQuery) -> list[tuple[int, InvoicePlace]]:
    """Keys and places of the page. What has no value to be sorted by comes last, by the order of the watches."""
    sort, after, limit = query.get("sort", InvoiceSort.ID), query.get("after"), query.get("limit")
    order = _ORDERS[sort]
    descending = query.get("descending", False) != order.reversed
    base = select(amounts.c.watch_id, *order.columns).where(*_chosen(sort, query))
    found: list[AnyRow] = []
    in_unknown = order.has_unknown and after is not None and after[0] == ""
    if not in_unknown:
        known = base.where(*(column.is_not(None) for column in order.columns if order.has_unknown))
        page = _page(known, (*order.columns, amounts.c.watch_id), after, descending=descending).limit(limit)
        found += (await connection.execute(page)).all()
    if order.has_unknown and (limit is None or len(found) < limit):
        unknown = base.where(*(column.is_(None) for column in order.columns)).order_by(amounts.c.watch_id)
        if in_unknown and after is not None:
            unknown = unknown.where(amounts.c.watch_id > after[-1])
        rest = None if limit is None else limit - len(found)
        found += (await connection.execute(unknown.limit(rest))).all()
    return [(row[0], (*(_part(part) for part in row[1:]), row[0])) for row in found]


def _part(part: object) -> str | int:
    return "" if part is None else part if isinstance(part, str) else int(cast("int", part))


def _chosen(sort: InvoiceSort, query: InvoiceQuery) -> Iterator[_Condition]:
    rest = query
    currency = query.get("currency")
    if sort is InvoiceSort.AMOUNT_DUE and currency is not None:
        yield WATCHED
        yield amounts.c.currency == currency
        rest = cast("InvoiceQuery", {name: value for name, value in query.items() if name != "currency"})
    else:
        yield LISTED
    if any(rest.get(name) is not None for name in _FILTERS):
        yield _BY_WATCH.in_(select(watches.c.id).where(*_conditions(rest)))


def _page(base: AnySelect, key: Sequence[_AnyColumn], after: InvoicePlace | None, *, descending: bool) -> AnySelect:
    ordered = base.order_by(*(column.desc() if descending else column for column in key))
    if after is None:
        return ordered
    place = tuple_(*(_literal(column, part) for column, part in zip(key, after, strict=True)))
    return ordered.where(tuple_(*key) < place if descending else tuple_(*key) > place)


def _literal(column: _AnyColumn, part: str | int) -> _AnyColumn:
    return literal(bool(part)) if column is amounts.c.minor else literal(part, column.type)


async def _read(connection: AsyncConnection, chosen: Sequence[tuple[int, InvoicePlace]]) -> list[ListedInvoice]:
    found: list[ListedInvoice] = []
    for start in range(0, len(chosen), _CHUNK):
        page = dict(chosen[start : start + _CHUNK])
        rows = {row.id: row for row in await connection.execute(_NEWEST.where(watches.c.id.in_(page)))}
        # A watch that was purged since its key was read has no document any more.
        found += [
            ListedInvoice(place, _item(rows[key]), rows[key].observed_at) for key, place in page.items() if key in rows
        ]
    return found


def _item(row: AnyRow) -> Item:
    return cast("Item", json_text.read(row.document))


async def currencies(connection: AsyncConnection) -> list[str]:
    """Those of all watched invoices; one step through the index for each."""
    return list((await connection.execute(_CURRENCIES)).scalars())


_CURRENCIES = text(
    "WITH RECURSIVE found(currency) AS ("
    " SELECT min(currency) FROM invoice_amounts WHERE watched UNION ALL"
    " SELECT (SELECT min(currency) FROM invoice_amounts WHERE watched AND currency > found.currency) FROM found"
    " WHERE found.currency IS NOT NULL"
    ") SELECT currency FROM found WHERE currency <> ''"
)
