"""Sends recorded events again: the same id and bytes, with new attempts."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import anyio
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import json_text
from watcher.core.errors import NotFound, Refused
from watcher.core.invoices.body import thin
from watcher.core.invoices.event import EventType, is_quiet
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import AuditEntry, DeliveryState, Form
from watcher.store.audit import DONE, write_audit
from watcher.store.column_types import AnyRow
from watcher.store.deliveries.ordering import lock_cursor, realign
from watcher.store.engine import Store, upserting
from watcher.store.notifications import Notice, notify
from watcher.store.schema import DELIVERY_PREFIX
from watcher.store.tables import deliveries, events, watches

_CHUNK = 500
"""Events of one transaction: some 20 ms of writing."""

_WINDOW = 20_000
"""Cursors examined in one read."""

_SHORTEST_REST_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Found:
    """How many events match, how many of them still have bodies, and how many deliveries they make."""

    events_found: int
    kept: int
    deliveries: int

    def count(self, of: str) -> int:
        if not self.events_found:
            raise NotFound(f"no event {of}")
        if not self.kept:
            raise Refused("its bodies were purged: there is nothing left to send")
        return self.deliveries


@dataclass(frozen=True, slots=True)
class Redelivery:
    """Makes deliveries to every configured endpoint that had the event or would get it today, in the order of the lane.

    They count as repeats: new deliveries go first.
    """

    store: Store

    async def redeliver_event(
        self,
        event_id: str,
        subscriptions: Sequence[Subscription],
        now: datetime,
        *,
        dry_run: bool = False,
        audit_entry: AuditEntry | None = None,
    ) -> int:
        """How many deliveries are (or with `dry_run` would be) made again. Raises NotFound, and Refused once purged."""
        chosen = events.c.id == event_id
        found = await self._redeliver(chosen, subscriptions, now, dry_run=dry_run, audit_entry=audit_entry)
        return found.count(event_id)

    async def redeliver_invoice(
        self,
        source: str,
        invoice_id: str,
        subscriptions: Sequence[Subscription],
        now: datetime,
        *,
        dry_run: bool = False,
        audit_entry: AuditEntry | None = None,
    ) -> int:
        """`redeliver_event` for every event of one invoice, in order."""
        of_invoice = (watches.c.source == source) & (watches.c.invoice_id == invoice_id)
        chosen = events.c.watch_id.in_(select(watches.c.id).where(of_invoice))
        found = await self._redeliver(chosen, subscriptions, now, dry_run=dry_run, audit_entry=audit_entry)
        return found.count(f"of {source} {invoice_id}")

    async def redeliver_range(
        self, subscription: Subscription, since: datetime, until: datetime, now: datetime, *, dry_run: bool = False
    ) -> int:
        """`redeliver_event` for every event recorded in [since, until), to this endpoint only, without purged ones.

        It works in many small transactions with pauses between them, so that a running service goes on. Events recorded
        meanwhile are ignored. If it is interrupted, it can be started again.
        """
        count = 0
        async for cursors in self._pages(since, until):
            began = anyio.current_time()
            found = await self._redeliver(events.c.cursor.in_(cursors), [subscription], now, dry_run=dry_run)
            count += found.deliveries
            if not dry_run:
                # SQLite gives its lock to whoever asks first: without a pause the service would hardly ever get it.
                await anyio.sleep(max(anyio.current_time() - began, _SHORTEST_REST_SECONDS))
        return count

    async def _pages(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[int]]:
        """The cursors of the range, a limited number at a time, each page found in a short read."""
        async with self.store.reading() as connection:
            last = (await connection.execute(select(func.max(events.c.cursor)))).scalar_one() or 0
        after = 0
        while after < last:
            ends_at = min(after + _WINDOW, last)
            page = (
                select(events.c.cursor)
                .where(events.c.cursor > after, events.c.cursor <= ends_at)
                .where(events.c.timestamp >= since, events.c.timestamp < until)
                .order_by(events.c.cursor)
                .limit(_CHUNK)
            )
            async with self.store.reading() as connection:
                cursors = (await connection.execute(page)).scalars().all()
            if cursors:
                yield cursors
            after = cursors[-1] if len(cursors) == _CHUNK else ends_at

    async def redeliver_delivery(
        self,
        delivery_id: str,
        subscriptions: Sequence[Subscription],
        now: datetime,
        *,
        audit_entry: AuditEntry | None = None,
    ) -> None:
        """Make one delivery again, whatever its endpoint wants today.

        Raises NotFound, and Refused once purged or if its endpoint is not among the `subscriptions`.
        """
        async with self.store.reading() as connection:
            delivery = await _delivery(connection, delivery_id)
        if delivery is None:
            raise NotFound(f"no delivery {delivery_id}")
        own = [one for one in subscriptions if one.endpoint == delivery.endpoint]
        if not own:
            raise Refused(f"endpoint {delivery.endpoint} is not configured, or switched off: nothing is sent to it")
        found = await self._redeliver(events.c.cursor == delivery.cursor, own, now, audit_entry=audit_entry)
        found.count(f"of {delivery_id}")

    async def _redeliver(
        self,
        chosen: ColumnElement[bool],
        subscriptions: Sequence[Subscription],
        now: datetime,
        *,
        dry_run: bool = False,
        audit_entry: AuditEntry | None = None,
    ) -> _Found:
        async with self.store.reading() if dry_run else self.store.transaction() as connection:
            if not dry_run:
                await lock_cursor(connection)
            here = await self.store.now(connection, now)
            events_found = (await connection.execute(select(events).where(chosen).order_by(events.c.cursor))).all()
            kept = [row for row in events_found if row.full is not None]
            had = await _endpoints_that_had(connection, kept)
            rows = [row for event in kept for row in _rows(event, had.get(event.cursor, set()), subscriptions, here)]
            if rows and not dry_run:
                await _write_bodies(connection, kept, rows)
                await _make_pending(connection, rows)
            if kept and not dry_run:
                await write_audit(connection, audit_entry, here, f"{DONE}: {len(rows)} deliveries")
        return _Found(len(events_found), len(kept), len(rows))


async def _delivery(connection: AsyncConnection, delivery_id: str) -> AnyRow | None:
    number = delivery_id.removeprefix(DELIVERY_PREFIX)
    if number == delivery_id or not (number.isascii() and number.isdigit() and len(number) < len(str(2**63))):
        return None
    query = select(deliveries.c.cursor, deliveries.c.endpoint).where(deliveries.c.id == int(number))
    return (await connection.execute(query)).first()


async def _endpoints_that_had(connection: AsyncConnection, events_found: Sequence[AnyRow]) -> dict[int, set[str]]:
    had: dict[int, set[str]] = {}
    for start in range(0, len(events_found), _CHUNK):
        cursors = [row.cursor for row in events_found[start : start + _CHUNK]]
        query = select(deliveries.c.cursor, deliveries.c.endpoint).where(deliveries.c.cursor.in_(cursors))
        for row in await connection.execute(query):
            had.setdefault(row.cursor, set()).add(row.endpoint)
    return had


def _rows(event: AnyRow, had: set[str], subscriptions: Iterable[Subscription], now: datetime) -> list[dict[str, Any]]:
    data = cast("dict[str, dict[str, str | None]]", json_text.read(event.full))["data"]
    quiet = is_quiet(EventType(event.type), data.get("reason"))
    # Events about an endpoint are for the others.
    subject = data.get("endpoint")
    return [
        {
            "cursor": event.cursor,
            "endpoint": subscription.endpoint,
            "watch_id": event.watch_id,
            "event_type": event.type,
            "form": subscription.form(len(event.full)).value,
            "state": DeliveryState.PENDING.value,
            "tried": True,
            "next_attempt_at": now,
            "due_at": now,
        }
        for subscription in subscriptions
        if subscription.endpoint in had
        or (
            subscription.endpoint != subject
            and subscription.wants(event.type, quiet=quiet, source=event.source, tags=event.tags)
        )
    ]


async def _write_bodies(
    connection: AsyncConnection, events_found: Sequence[AnyRow], rows: Sequence[dict[str, Any]]
) -> None:
    """Write the forms that were not needed before. An existing form is never written again: its bytes are fixed."""
    needed = {(row["cursor"], Form(row["form"]).stored) for row in rows}
    for event in events_found:
        for form, have in ((Form.THIN, event.thin), (Form.TRUNCATED, event.truncated)):
            if have is None and (event.cursor, form) in needed:
                made = thin(event.full, truncated=form is Form.TRUNCATED)
                await connection.execute(
                    update(events).where(events.c.cursor == event.cursor).values({form.value: made})
                )


async def _make_pending(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Deliveries in progress are left alone; the form of a delivery that was made before stays."""
    inserting = upserting(connection, deliveries)
    again = inserting.on_conflict_do_update(
        index_elements=["cursor", "endpoint"],
        set_={
            "state": DeliveryState.PENDING.value,
            "parked_reason": None,
            "holds_lane": True,
            "attempts": 0,
            "tried": True,
            "next_attempt_at": inserting.excluded.next_attempt_at,
            "due_at": inserting.excluded.due_at,
        },
        where=deliveries.c.state != DeliveryState.DELIVERING.value,
    )
    await connection.execute(again, rows)
    await notify(connection, Notice.DELIVERIES)
    await realign(connection, (row["watch_id"] for row in rows if row["watch_id"] is not None))
