"""A store with as many invoices as a test wants, each with a history: written by the store's own code."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from watcher.core.invoices import body, history_state
from watcher.core.invoices.body import Observation
from watcher.core.invoices.clock_events import ClockRules
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.invoice import Amounts, Invoice, Status
from watcher.core.invoices.snapshot import WatchFacts, take
from watcher.core.invoices.transition import Transition, observe
from watcher.core.money import EXPONENTS
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import (
    Change,
    ClaimedDelivery,
    ClaimedWatch,
    ClaimRequest,
    DeliveryState,
    DesiredWatch,
    EventRecord,
    Form,
    FoundBy,
    Outcome,
    PollRecord,
    Receipt,
    Settlement,
    SourceRow,
    WatchState,
)
from watcher.store import SqlOutbox, SqlPollQueue, SqlWatches, Store

SOURCES = {"acme": "meteroid", "shop": "chargeover", "platform": "rapyd"}
ENDPOINTS = {"ledger": "https://ledger.example.com/hooks", "crm": "https://crm.example.com/invoices"}
_RULES = ClockRules(timedelta(0), (timedelta(days=7),), (timedelta(days=1), timedelta(days=7)))
_DAY = timedelta(days=1)
_CHUNK = 500
_CURRENCIES = ("EUR", "EUR", "EUR", "USD", "USD", "JPY", "KWD")
_ENDS = (Status.PAID,) * 10 + (Status.PARTIALLY_PAID, Status.VOID, Status.UNCOLLECTIBLE)
_LEASE = timedelta(days=30)
_LATE = timedelta(milliseconds=550)
_HINTED = 4
"""Of fifty changes, those that a hint led to: the soonest."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What was seen of one invoice at one instant."""

    at: datetime
    invoice: Invoice


async def fill(
    store: Store,
    count: int,
    now: datetime,
    *,
    sources: Sequence[str] = tuple(SOURCES),
    endpoints: Mapping[str, str] = ENDPOINTS,
) -> None:
    """`count` invoices of every age and status, with events and deliveries of the last weeks.

    A source that is not in `SOURCES` has its provider's name.
    """
    rng = random.Random(count)  # noqa: S311 -- the same invoices in every run
    watches, outbox = SqlWatches(store), SqlOutbox(store, lambda: 0.5)
    await watches.sync_sources([SourceRow(name, SOURCES.get(name, name)) for name in sources], now - 20 * _DAY)
    await outbox.sync_endpoints(endpoints, now - 20 * _DAY, [Subscription(name) for name in endpoints])
    for start in range(0, count, _CHUNK):
        numbers = range(start, min(start + _CHUNK, count))
        entries = [
            DesiredWatch(sources[number % len(sources)], f"inv_{number:06}", _tags(number)) for number in numbers
        ]
        await watches.import_entries(entries, "cli", now - 20 * _DAY)
        for source in sources:
            await _live(SqlPollQueue(store), _Source(source, tuple(endpoints)), rng, now)
    await _deliver(outbox, tuple(endpoints), now)


@dataclass(frozen=True, slots=True)
class _Source:
    """And who gets its events."""

    name: str
    endpoints: tuple[str, ...]

    @property
    def provider(self) -> str:
        return SOURCES.get(self.name, self.name)


async def _live(queue: SqlPollQueue, source: _Source, rng: random.Random, now: datetime) -> None:
    """Two polls of each new invoice of a source: as it was found, and, of most, how it ended."""
    request = ClaimRequest(source.name, timedelta(0), 1, _CHUNK, now + _DAY)
    remembered: dict[str, tuple[HistoryState, _Step | None]] = {}
    for claim in await queue.claim(now, [request], _LEASE):
        records: list[PollRecord] = []
        for watch in claim.watches:
            first, second = _steps(watch, rng, now)
            transition = _seen(source, watch, HistoryState(), first)
            records.append(_record(source, watch, transition, first, now if second else now + _DAY))
            remembered[watch.invoice_id] = transition.memory, second
        await queue.record(records, {source.name: now})
    for claim in await queue.claim(now, [request], _LEASE):
        records = []
        for watch in claim.watches:
            before, step = remembered[watch.invoice_id]
            assert step is not None
            records.append(_record(source, watch, _seen(source, watch, before, step), step, now + _DAY))
        await queue.record(records, {source.name: now})


def _tags(number: int) -> tuple[str, ...]:
    return ("vip",) if number % 10 == 0 else ()


def _steps(watch: ClaimedWatch, rng: random.Random, now: datetime) -> tuple[_Step, _Step | None]:
    currency = rng.choice(_CURRENCIES)
    total = Decimal(rng.randint(100, 500_000)).scaleb(-EXPONENTS[currency])
    age = timedelta(minutes=rng.randint(10, 20 * 24 * 60))
    due = (now - age).date() + rng.randint(-90, 45) * _DAY
    found = Invoice(
        id=watch.invoice_id,
        status=Status.DRAFT if rng.random() < 0.05 else Status.OPEN,
        provider_status="FINALIZED/UNPAID",
        amounts=(_amounts(currency, total, Decimal(0)),),
        number=f"2026-{watch.key:06}",
        issued_on=due - 30 * _DAY,
        due=due,
        customer_id=f"cus_{int(watch.invoice_id.removeprefix('inv_')) % 5000}",
        line_count=3,
    )
    if rng.random() < 0.25:
        return _Step(now - age, found), None
    end = rng.choice(_ENDS)
    paid = {Status.PAID: total, Status.PARTIALLY_PAID: (total / 2).quantize(total)}.get(end, Decimal(0))
    ended = replace(found, status=end, provider_status=end.value.upper(), amounts=(_amounts(currency, total, paid),))
    ended_at = now - age * rng.random()
    if end is Status.PAID and watch.key % 3:
        # Evenly over a year; a third of the providers gives no payment date.
        paid_at = ended_at - watch.key % 365 * _DAY
        ended = replace(ended, paid_at=paid_at, issued_on=paid_at.date() - (5 + watch.key % 60) * _DAY)
    return _Step(now - age, found), _Step(ended_at, ended)


def _amounts(currency: str, total: Decimal, paid: Decimal) -> Amounts:
    nothing = total * 0
    return Amounts(currency, total, paid + nothing, total - paid, nothing, nothing, nothing)


def _seen(source: _Source, watch: ClaimedWatch, before: HistoryState, step: _Step) -> Transition:
    facts = WatchFacts(source=source.name, provider=source.provider, timezone=ZoneInfo("UTC"), tags=watch.tags)
    return observe(before, take(step.invoice, facts), step.invoice, step.at, _RULES, clock_held=False)


def _record(source: _Source, watch: ClaimedWatch, made: Transition, step: _Step, poll_at: datetime) -> PollRecord:
    seen = Observation(None, step.at, step.at)
    events = tuple(
        EventRecord(
            id=event.id,
            type=event.fact.type,
            sequence=event.sequence,
            source=source.name,
            timestamp=step.at,
            bodies={Form.FULL: body.full(event, made.snapshot, seen, step.at)},
            deliveries=() if event.sequence == 1 else tuple((name, Form.FULL) for name in source.endpoints),
            tags=watch.tags,
            delay=None if event.sequence == 1 else _LATE * (watch.key % 50) ** 2,
            found_by=FoundBy.HINT if watch.key % 50 < _HINTED else FoundBy.POLL,
        )
        for event in made.events
    )
    snapshot = made.snapshot if made.is_new_version else None
    changed = Change(history_state.dumps(made.memory), made.memory.version, made.memory.sequence, snapshot, events)
    return PollRecord(
        key=watch.key,
        lease=watch.lease,
        polled_at=step.at,
        poll_at=poll_at,
        clock_at=None,
        state=WatchState.ACTIVE,
        asked_at=step.at,
        fetched_at=step.at,
        fingerprint=b"seen",
        change=changed,
    )


async def _deliver(outbox: SqlOutbox, endpoints: Sequence[str], now: datetime) -> None:
    """All but what no lane lets through yet: one in twenty is refused for good, one in ten has to wait."""
    while claimed := await outbox.claim(now, dict.fromkeys(endpoints, _CHUNK), _LEASE):
        await outbox.settle([_settled(one, now) for one in claimed])


def _settled(claimed: ClaimedDelivery, now: datetime) -> Settlement:
    state, outcome, status = DeliveryState.DELIVERED, Outcome.DELIVERED, 200
    if claimed.key % 20 == 0:
        state, outcome, status = DeliveryState.DEAD, Outcome.REJECTED, 422
    elif claimed.key % 10 == 3:
        state, outcome, status = DeliveryState.PENDING, Outcome.RETRY, 503
    at = now - timedelta(seconds=claimed.key * 7919 % 80_000)
    receipt = Receipt(
        outcome, at, timedelta(milliseconds=40 + claimed.key % 200), status, response=f'{{"seen": {status == 200}}}'
    )
    again = now + _DAY if state is DeliveryState.PENDING else None
    return Settlement(claimed.key, claimed.lease, state, receipt, claimed.attempts + 1, next_attempt_at=again)
