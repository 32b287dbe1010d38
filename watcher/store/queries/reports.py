"""Lists for `--json`, the API and the page: plain JSON values in the contract's shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple, Unpack, cast

from sqlalchemy import Column, ColumnElement, Select, and_, func, or_, select, tuple_

from watcher.ports import (
    DeliveryFilters,
    EventFilters,
    HintSummary,
    InvoiceFilters,
    InvoicePlace,
    InvoiceQuery,
    Item,
    ListedInvoice,
    WatchByHand,
    WatchFilters,
    WatchState,
)
from watcher.store.column_types import AnyRow, has_tag, json_instant, like
from watcher.store.engine import Store
from watcher.store.event_items import EVENTS, body, event
from watcher.store.queries import feed, history, timeline
from watcher.store.queries.audit_list import audit_list
from watcher.store.queries.hint_summary import HintSummaries, hint_item
from watcher.store.queries.invoice_list import currencies, invoice_list
from watcher.store.queries.replica_list import replica_list
from watcher.store.schema import TROUBLED, WAITING
from watcher.store.tables import counters, deliveries, endpoints, events, sources, watches
from watcher.store.watches import edit

_Columns = TypeVarTuple("_Columns")

REMOVED = "removed"
"""The state of a source or endpoint that is not configured any more but still has watches or deliveries."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Every list has a stable order and can be read in pages.

    `after` names the last item seen, `limit` the maximum number.
    """

    store: Store

    async def watch_list(self, **filters: Unpack[WatchFilters]) -> list[Item]:
        """Watches by source and invoice id, without stopped ones."""
        key = tuple_(watches.c.source, watches.c.invoice_id)
        query = (
            select(watches, sources.c.configured)
            .join(sources)
            .where(watches.c.origins != "")
            .order_by(watches.c.source, watches.c.invoice_id)
            .limit(filters.get("limit"))
        )
        if (source := filters.get("source")) is not None:
            query = query.where(watches.c.source == source)
        if (state := filters.get("state")) is not None:
            orphaned = state is WatchState.ORPHANED
            query = query.where(~sources.c.configured if orphaned else and_(sources.c.configured, _in(state)))
        if (tag := filters.get("tag")) is not None:
            query = query.where(has_tag(watches.c.tags, tag))
        if (after := filters.get("after")) is not None:
            query = query.where(key > after)
        async with self.store.reading() as connection:
            return [_watch(row) for row in await connection.execute(query)]

    async def watch(self, source: str, invoice_id: str) -> Item | None:
        """The item of one watch, or None if it is not watched."""
        query = (
            select(watches, sources.c.configured)
            .join(sources)
            .where(watches.c.origins != "", watches.c.source == source, watches.c.invoice_id == invoice_id)
        )
        async with self.store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _watch(row)

    async def watch_by_hand(self, source: str, invoice_id: str) -> WatchByHand | None:
        """None if the invoice is not watched."""
        async with self.store.reading() as connection:
            return await edit.by_hand(connection, source, invoice_id)

    async def invoices(self, **query: Unpack[InvoiceQuery]) -> list[Item]:
        """The last snapshot of every watched invoice that has one."""
        after, limit = query.pop("after", None), query.pop("limit", None)
        return [listed.item for listed in await self.invoice_list(query, after, limit)]

    async def invoice_list(
        self, filters: InvoiceFilters, after: InvoicePlace | None = None, limit: int | None = None
    ) -> list[ListedInvoice]:
        """The same, with the places of the invoices in this list."""
        async with self.store.reading() as connection:
            return await invoice_list(connection, {**filters, "after": after, "limit": limit})

    async def currencies(self) -> list[str]:
        """Those of all watched invoices."""
        async with self.store.reading() as connection:
            return await currencies(connection)

    async def event_bodies(self, *, after: int = 0, **filters: Unpack[EventFilters]) -> list[tuple[int, bytes]]:
        """(cursor, full body) in the order of cursors. Nothing ever appears at or below a cursor that was returned."""
        return [(row.cursor, body(row)) for row in await self._events(feed.FeedPlace(after, 0), filters, check=False)]

    async def events(self, *, after: str | None = None, **filters: Unpack[EventFilters]) -> list[Item]:
        """Full bodies, each with its `cursor` and how it was found.

        Raises Refused if `after` is no cursor, and CursorGone if some of what comes after it is not kept any more.
        """
        place = feed.read_place(after)
        is_checked = place is not None and not filters.get("newest_first", False)
        return [event(row) for row in await self._events(place or feed.FeedPlace(), filters, check=is_checked)]

    async def feed_start(self) -> str | None:
        """The `after` of a reader that begins at the beginning; None if everything is kept."""
        async with self.store.reading() as connection:
            return await feed.beginning(connection)

    async def _events(self, place: feed.FeedPlace, filters: EventFilters, *, check: bool) -> Sequence[AnyRow]:
        newest_first = filters.get("newest_first", False)
        chosen = _in_order(select(events.c.cursor), events.c.cursor, place.after, newest_first=newest_first)
        chosen = chosen.limit(filters["limit"])
        if (type_glob := filters.get("type_glob")) is not None:
            chosen = chosen.where(events.c.type.like(like(type_glob), escape="\\"))
        if (source := filters.get("source")) is not None:
            chosen = chosen.where(events.c.source == source)
        if (tag := filters.get("tag")) is not None:
            chosen = chosen.where(has_tag(events.c.tags, tag))
        query = _in_order(EVENTS, events.c.cursor, 0, newest_first=newest_first)
        async with self.store.reading() as connection:
            if check:
                await feed.require_kept(connection, place)
            return (await connection.execute(query.where(events.c.cursor.in_(chosen)))).all()

    async def newest_cursor(self) -> int:
        """The cursor of the newest event, 0 without any: every event at or below it can be read."""
        async with self.store.reading() as connection:
            newest: int = (
                await connection.execute(select(counters.c.value).where(counters.c.name == "cursor"))
            ).scalar_one()
        return newest

    async def deliveries(self, **filters: Unpack[DeliveryFilters]) -> list[Item]:
        """Deliveries, oldest first."""
        after, newest_first = filters.get("after", 0), filters.get("newest_first", False)
        query = _in_order(history.DELIVERIES, deliveries.c.id, after, newest_first=newest_first)
        query = query.limit(filters.get("limit"))
        if (state := filters.get("state")) is not None:
            query = query.where(deliveries.c.state == state.value)
        if (endpoint := filters.get("endpoint")) is not None:
            query = query.where(deliveries.c.endpoint == endpoint)
        async with self.store.reading() as connection:
            return [history.delivery(row) for row in await connection.execute(query)]

    async def endpoints(self, now: datetime | None = None) -> list[Item]:
        """Configured endpoints, and removed ones for which something still waits. Pauses are only shown with `now`."""
        waiting = select(deliveries.c.endpoint, func.count()).where(WAITING).group_by(deliveries.c.endpoint)
        async with self.store.reading() as connection:
            counts = {name: count for name, count in await connection.execute(waiting)}  # noqa: C416 - rows are no pairs to dict
            rows = (await connection.execute(select(endpoints).order_by(endpoints.c.name))).all()
        return [
            {
                "name": row.name,
                "url": row.url,
                "state": endpoint_state(row, now),
                "waiting": counts.get(row.name, 0),
            }
            for row in rows
            if row.configured or row.name in counts
        ]

    async def sources(self, now: datetime, rates: Mapping[str, str] | None = None) -> list[Item]:
        """Configured sources, and removed ones that are still watched. `rates` are the configured ones, by name."""
        hints = await HintSummaries(self.store).of_all(now)
        watched = (
            select(func.count()).where(watches.c.source == sources.c.name, watches.c.origins != "").scalar_subquery()
        )
        query = (
            select(sources, watched.label("watches"))
            .where(or_(sources.c.configured, watched > 0))
            .order_by(sources.c.name)
        )
        async with self.store.reading() as connection:
            return [_source(row, rates or {}, hints.get(row.name)) for row in await connection.execute(query)]

    async def replicas(self, now: datetime) -> list[Item]:
        """The processes on a PostgreSQL database by name; none with SQLite."""
        async with self.store.reading() as connection:
            return await replica_list(connection, await self.store.now(connection, now))

    async def audit(
        self, *, since: datetime | None = None, before: int | None = None, limit: int | None = None
    ) -> list[tuple[int, Item]]:
        """The audit trail, newest first, each entry with its key; `before` is the key of the last one that was seen."""
        async with self.store.reading() as connection:
            return await audit_list(connection, since=since, before=before, limit=limit)

    async def show(self, source: str, invoice_id: str) -> Item | None:
        """Everything known about one invoice, or None if it was never watched."""
        async with self.store.reading() as connection:
            return await history.show(connection, source, invoice_id)

    async def timeline(self, source: str, invoice_id: str) -> list[Item] | None:
        """What happened to one invoice, oldest first (`timeline.entries`), or None if it was never watched."""
        async with self.store.reading() as connection:
            return await timeline.entries(connection, source, invoice_id)

    async def raw(self, source: str, invoice_id: str) -> bytes | None:
        """The provider's latest kept document, without secrets."""
        async with self.store.reading() as connection:
            return await history.raw(connection, source, invoice_id)


def _in(state: WatchState) -> ColumnElement[bool]:
    known = watches.c.state == state.value
    return known if state is WatchState.ACTIVE else and_(known, TROUBLED)


def _in_order(query: Select[*_Columns], key: Column[int], after: int, *, newest_first: bool) -> Select[*_Columns]:
    """Ordered by key, only what comes after the item `after`; 0 is none."""
    if not newest_first:
        return query.where(key > after).order_by(key)
    return (query.where(key < after) if after else query).order_by(key.desc())


def _watch(row: AnyRow) -> Item:
    return {
        "source": row.source,
        "invoice_id": row.invoice_id,
        "tags": list(cast("Sequence[str]", row.tags)),
        "due_on": None if row.due_on is None else row.due_on.isoformat(),
        "note": row.note,
        "origins": row.origins.split(","),
        "state": row.state if row.configured else WatchState.ORPHANED.value,
        "last_polled_at": json_instant(row.polled_at),
        "next_poll_at": json_instant(row.poll_at) if row.configured else None,
        "last_error": row.last_error,
    }


def endpoint_state(row: AnyRow, now: datetime | None) -> str:
    if not row.configured:
        return REMOVED
    if row.state != "active":
        return row.state
    if row.probe_at is not None:
        return "failing"
    return "paused" if now is not None and row.paused_until is not None and row.paused_until > now else row.state


def source_state(row: AnyRow) -> str:
    if not row.configured:
        return REMOVED
    if not row.enabled:
        return "disabled"
    return "failing" if row.probe_at is not None else "active"


def _source(row: AnyRow, rates: Mapping[str, str], hints: HintSummary | None) -> Item:
    item: Item = {
        "name": row.name,
        "provider": row.provider,
        "state": source_state(row),
        "rate": rates.get(row.name),
        "watches": row.watches,
    }
    return item if hints is None else item | {"hints": hint_item(hints)}
