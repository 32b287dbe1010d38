"""Short ways to fill a store: sources, watches, records of polls with events, endpoints, settlements."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from watcher.core.invoices.invoice import Amounts, Customer, Direction, Snapshot, Status
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import (
    Change,
    Claim,
    ClaimedDelivery,
    ClaimedWatch,
    ClaimRequest,
    DeliveryState,
    DesiredWatch,
    EventRecord,
    Form,
    Outcome,
    PollRecord,
    Receipt,
    Settlement,
    SourceRow,
    WatchState,
)
from watcher.store import SqlOutbox, SqlPollQueue, SqlWatches, Store

NOW = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=60)
EUR = Amounts("EUR", Decimal("10.00"), Decimal(0), Decimal("10.00"), Decimal(0), Decimal(0), Decimal(0))
OPEN = Snapshot(
    source="acme",
    provider="meteroid",
    id="inv_1",
    number="2026-1",
    status=Status.OPEN,
    provider_status="FINALIZED/UNPAID",
    overdue=False,
    payment_pending=False,
    failed_attempts=0,
    last_payment_error=None,
    direction=Direction.RECEIVABLE,
    amounts=(EUR,),
    issued_on=None,
    due_on=None,
    due_at=None,
    created_at=None,
    finalized_at=None,
    paid_at=None,
    voided_at=None,
    customer=Customer("cus_1", "Ada"),
    line_count=1,
    url=None,
    tags=(),
)


async def watch(store: Store, *ids: str, source: str = "acme", at: datetime = NOW) -> SqlWatches:
    """Make sure the source is configured, and watch these invoices by hand."""
    watches = SqlWatches(store)
    await watches.sync_sources([SourceRow("acme", "meteroid"), SourceRow("other", "dollr")], at)
    await watches.import_entries([DesiredWatch(source, one) for one in ids], "cli", at)
    return watches


def request(
    source: str = "acme", *, interval: timedelta = SECOND, batch_size: int = 1, requests: int = 1000, ahead: float = 1e6
) -> ClaimRequest:
    return ClaimRequest(source, interval, batch_size, requests, NOW + timedelta(seconds=ahead))


async def claim(store: Store, now: datetime = NOW) -> tuple[ClaimedWatch, ...]:
    """Everything due at the source acme, with room for all of it."""
    claims = await SqlPollQueue(store).claim(now, [request(interval=timedelta(0))], LEASE)
    return tuple(one for found in claims for one in found.watches)


def ids(claims: Iterable[Claim]) -> list[str]:
    return [one.invoice_id for found in claims for one in found.watches]


def polled(claimed: ClaimedWatch, now: datetime = NOW, change: Change | None = None) -> PollRecord:
    """A poll that found the document."""
    return PollRecord(
        key=claimed.key,
        lease=claimed.lease,
        polled_at=now,
        poll_at=now + 15 * MINUTE,
        clock_at=None,
        state=WatchState.ACTIVE,
        asked_at=now - SECOND,
        fetched_at=now,
        fingerprint=b"print",
        change=change,
    )


def renewed(claimed: ClaimedWatch, now: datetime = NOW) -> PollRecord:
    """A poll that found what was known."""
    return replace(polled(claimed, now), fingerprint=None, is_unchanged=True)


def event(
    name: str, kind: str = "invoice.updated", *endpoints: str, sequence: int | None = 1, source: str = "acme"
) -> EventRecord:
    body = json.dumps({"type": kind, "timestamp": "2026-11-22T10:00:00Z", "data": {"event_id": name}}).encode()
    return EventRecord(
        id=name,
        type=kind,
        sequence=sequence,
        source=source,
        timestamp=NOW,
        bodies={Form.FULL: body},
        deliveries=tuple((endpoint, Form.FULL) for endpoint in endpoints),
    )


def change(
    *events: EventRecord, version: int = 1, snapshot: Snapshot | None = OPEN, supersedes: tuple[str, ...] = ()
) -> Change:
    return Change("{}", version, version, snapshot, events, supersedes)


async def record_events(store: Store, invoice_id: str, *events: EventRecord, supersedes: tuple[str, ...] = ()) -> None:
    """Let a poll of this invoice bring these events."""
    watches = await watch(store, invoice_id)
    await watches.request_poll("acme", invoice_id, NOW)
    claimed = {one.invoice_id: one for one in await claim(store)}
    queue = SqlPollQueue(store)
    record = polled(claimed[invoice_id], change=change(*events, snapshot=replace(OPEN, id=invoice_id)))
    assert record.change
    record = replace(record, change=replace(record.change, supersedes=supersedes))
    assert await queue.record([record], {}) == frozenset()
    await queue.release([one for one in claimed.values() if one.invoice_id != invoice_id], NOW)


async def record_all(store: Store, events: Mapping[str, Sequence[EventRecord]], at: datetime = NOW) -> None:
    """Let one poll of each of these invoices bring its events, all in one record."""
    watches = await watch(store, *events, at=at)
    for invoice_id in events:
        await watches.request_poll("acme", invoice_id, at)
    claimed = await claim(store, at)
    wanted = [one for one in claimed if one.invoice_id in events]
    assert len(wanted) == len(events)
    snapshots = {one.key: replace(OPEN, id=one.invoice_id) for one in wanted}
    records = [polled(one, at, change(*events[one.invoice_id], snapshot=snapshots[one.key])) for one in wanted]
    queue = SqlPollQueue(store)
    assert await queue.record(records, {}) == frozenset()
    await queue.release([one for one in claimed if one.invoice_id not in events], at)


async def listening(store: Store, *names: str) -> SqlOutbox:
    """These endpoints, all of which want every event."""
    outbox = SqlOutbox(store, lambda: 0.5)
    urls = {name: f"https://{name}.example/" for name in names}
    await outbox.sync_endpoints(urls, NOW, [Subscription(name) for name in names])
    return outbox


async def endpoints(store: Store, *names: str) -> SqlOutbox:
    outbox = SqlOutbox(store)
    await outbox.sync_endpoints({name: f"https://{name}.example/" for name in names}, NOW)
    return outbox


async def send(outbox: SqlOutbox, now: datetime = NOW, most: int = 100, **wanted: int) -> tuple[ClaimedDelivery, ...]:
    """Claim for the endpoints "ledger" and "crm", or for those named."""
    return await outbox.claim(now, wanted or {"ledger": most, "crm": most}, LEASE)


def receipt(outcome: Outcome = Outcome.DELIVERED, at: datetime = NOW, status: int | None = 200) -> Receipt:
    return Receipt(outcome, at, timedelta(milliseconds=5), status, response="ok", peer="203.0.113.1")


def delivered(claimed: ClaimedDelivery, at: datetime = NOW) -> Settlement:
    return Settlement(
        key=claimed.key,
        lease=claimed.lease,
        state=DeliveryState.DELIVERED,
        receipt=receipt(at=at),
        attempts=claimed.attempts + 1,
        probe=claimed.probe,
    )


def retried(
    claimed: ClaimedDelivery,
    next_attempt_at: datetime,
    *,
    holds_lane: bool = True,
    pause_endpoint_until: datetime | None = None,
) -> Settlement:
    return Settlement(
        key=claimed.key,
        lease=claimed.lease,
        state=DeliveryState.PENDING,
        receipt=receipt(Outcome.RETRY, status=503),
        attempts=claimed.attempts + 1,
        next_attempt_at=next_attempt_at,
        holds_lane=holds_lane,
        pause_endpoint_until=pause_endpoint_until,
    )
