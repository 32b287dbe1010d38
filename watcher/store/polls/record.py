"""Records polls: one transaction for watches, snapshots, events, deliveries and raw documents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import anyio.to_thread
from sqlalchemy import bindparam, case, delete, false, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import json_text
from watcher.core.invoices.invoice import Snapshot
from watcher.core.invoices.snapshot import to_document
from watcher.ports import Change, DeliveryState, PollRecord, WatchState
from watcher.store.column_types import AnyRow, Instant, digest, pack
from watcher.store.deliveries.events import EventInsert, write_events
from watcher.store.deliveries.ordering import lock_cursor, realign
from watcher.store.engine import Store, upserting
from watcher.store.execute_many import execute_many
from watcher.store.hint_stats import learn_hints
from watcher.store.invoice_amounts import SeenInvoice, keep_invoice_amounts
from watcher.store.locks import lock_watches
from watcher.store.open_amounts import keep_open_amounts
from watcher.store.polls.hazard_stats import learn
from watcher.store.polls.record_unchanged import record_unchanged
from watcher.store.schema import WAITING
from watcher.store.tables import deliveries, documents, snapshots, sources, watches
from watcher.store.watches.desired import DISCOVERED

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class _Document:
    digest: bytes
    content: bytes


class _LeaseLost(Exception):
    """Another process has leased some of the watches whose poll found nothing new."""


async def record(store: Store, records: Sequence[PollRecord], successes: Mapping[str, datetime]) -> frozenset[int]:
    """`ports.PollQueue.record`."""
    packed = await _packed(records)
    new = [poll for poll in records if not poll.is_unchanged]
    try:
        return await _record(store, [poll for poll in records if poll.is_unchanged], new, packed, successes)
    except _LeaseLost:  # rare enough to examine each row instead
        return await _record(store, (), records, packed, successes)


async def _record(
    store: Store,
    renewals: Sequence[PollRecord],
    new: Sequence[PollRecord],
    packed: Mapping[int, _Document],
    successes: Mapping[str, datetime],
) -> frozenset[int]:
    """Lock order, the same everywhere: cursor, watches by key, sources, hazards."""
    async with store.transaction() as connection:
        if any(change.events or change.supersedes for _, change in _changes(new)):
            await lock_cursor(connection)
        await lock_watches(connection, (poll.key for poll in (*renewals, *new)))
        if renewals and not await record_unchanged(connection, renewals, store.shift):
            raise _LeaseLost
        held = await _held(connection, new)
        kept = [poll for poll in new if poll.key in held and held[poll.key].lease == poll.lease]
        if kept:
            await _keep_watches(connection, kept, held, store)
            await _forget_phantoms(connection, kept)
            await _keep_documents(connection, kept, packed)
            await _keep_changes(connection, kept, held, store)
        await _keep_successes(connection, successes)
        await learn(connection, (one for poll in (*renewals, *kept) for one in poll.exposures))
        await learn_hints(connection, (one for poll in kept for one in poll.found_changes))
    return frozenset(poll.key for poll in new) - {poll.key for poll in kept}


def _changes(records: Iterable[PollRecord]) -> list[tuple[PollRecord, Change]]:
    return [(poll, poll.change) for poll in records if poll.change is not None]


async def _packed(records: Sequence[PollRecord]) -> Mapping[int, _Document]:
    """Compress in a thread and before the transaction: nothing else waits for it."""
    raws = {poll.key: poll.raw for poll in records if poll.raw is not None}
    if not raws:
        return {}
    contents = await anyio.to_thread.run_sync(pack, tuple(raws.values()))
    return {key: _Document(digest(raws[key]), content) for key, content in zip(raws, contents, strict=True)}


async def _held(connection: AsyncConnection, records: Sequence[PollRecord]) -> dict[int, AnyRow]:
    keys = sorted(poll.key for poll in records)
    held: dict[int, AnyRow] = {}
    for start in range(0, len(keys), _CHUNK):
        held |= {row.id: row for row in await connection.execute(_HELD, {"keys": keys[start : start + _CHUNK]})}
    return held


_HELD = select(
    watches.c.id,
    watches.c.lease,
    watches.c.poll_again,
    watches.c.poll_at,
    watches.c.asked_at,
    watches.c.poll_reason,
).where(watches.c.id.in_(bindparam("keys", expanding=True)))
_WATCH = update(watches).where(watches.c.id == bindparam("key")).values(lease_ends_at=null(), poll_again=false())


async def _keep_watches(
    connection: AsyncConnection, kept: Sequence[PollRecord], held: Mapping[int, AnyRow], store: Store
) -> None:
    """Each kind of outcome writes its own columns: clock only, nothing found, deleted, found, changed."""
    kinds: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for poll in kept:
        values = _watch_values(poll, held[poll.key], store.shift)
        kinds.setdefault(tuple(values), []).append(values)
    for rows in kinds.values():
        await execute_many(connection, _WATCH, rows)


async def _forget_phantoms(connection: AsyncConnection, kept: Sequence[PollRecord]) -> None:
    """Forget invoices that nobody but a hint or a list has named, and that the provider does not know."""
    keys = [poll.key for poll in kept if poll.state is WatchState.NOT_FOUND and poll.misses > 1]
    if keys:
        never_seen = (watches.c.origins == DISCOVERED, watches.c.version == 0)
        await connection.execute(delete(watches).where(watches.c.id.in_(keys), *never_seen))


def _watch_values(poll: PollRecord, held: AnyRow, shift: timedelta) -> dict[str, Any]:
    """A poll that was requested while the watch was leased comes at once, whatever the record planned.

    What was planned by our clock is due when ours says so: otherwise a poll at a clock instant would come too early by
    the database's clock, cause no event, and be planned for the same instant again and again.
    """
    planned_at = None if poll.poll_at is None else poll.poll_at - shift
    poll_at = held.poll_at if held.poll_again else planned_at
    ended = {"key": poll.key, "lease": poll.lease + 1, "poll_at": poll_at, "due_at": poll_at, "clock_at": poll.clock_at}
    if poll.clock_only:
        return ended | _change_values(poll.change)
    wakes = held.poll_again and poll.state is WatchState.RETIRED
    polled = {
        "poll_reason": held.poll_reason if held.poll_again else poll.next_reason,
        "state": WatchState.ACTIVE.value if wakes else poll.state.value,
        "polled_at": poll.polled_at,
        "misses": poll.misses,
        "first_missed_at": poll.first_missed_at,
        "failures": poll.failures,
        "last_error": poll.last_error,
        "settled_at": poll.polled_at if wakes else poll.settled_at,
    }
    # A deletion forgets the fingerprint although no document was found: the same document again is a change.
    fingerprint = {} if poll.fingerprint is None else {"fingerprint": poll.fingerprint}
    found = {} if poll.asked_at is None else {"asked_at": poll.asked_at, "fetched_at": poll.fetched_at}
    return ended | polled | fingerprint | found | _hazard_group_values(poll) | _change_values(poll.change)


def _hazard_group_values(poll: PollRecord) -> dict[str, Any]:
    if poll.hazard_group is None:
        return {}
    return {
        "due_hour": poll.hazard_group.due_hour,
        "currency": poll.hazard_group.currency,
        "worth": poll.hazard_group.worth,
    }


def _change_values(change: Change | None) -> dict[str, Any]:
    """In the same UPDATE as the rest: it is made while the cursor is locked, and each row of it has several indexes."""
    if change is None:
        return {}
    memory = {"memory": change.memory, "version": change.version, "sequence": change.sequence}
    snapshot = change.snapshot
    if snapshot is None:
        return memory
    return memory | {"status": snapshot.status.value, "overdue": snapshot.overdue, "number": snapshot.number}


async def _keep_documents(
    connection: AsyncConnection, kept: Sequence[PollRecord], packed: Mapping[int, _Document]
) -> None:
    rows = [
        {"watch_id": poll.key, "digest": found.digest, "seen_at": poll.polled_at, "content": found.content}
        for poll in kept
        if (found := packed.get(poll.key))
    ]
    if rows:
        inserting = upserting(connection, documents)
        seen = {"seen_at": inserting.excluded.seen_at}
        await connection.execute(
            inserting.on_conflict_do_update(index_elements=["watch_id", "digest"], set_=seen), rows
        )


async def _keep_changes(
    connection: AsyncConnection, kept: Sequence[PollRecord], held: Mapping[int, AnyRow], store: Store
) -> None:
    changes = _changes(kept)
    if not changes:
        return
    await _keep_snapshots(connection, changes, held)
    await _supersede(connection, changes)
    event_inserts = [
        EventInsert(event, poll.key, poll.polled_at - store.shift)
        for poll, change in changes
        for event in change.events
    ]
    if event_inserts:
        await write_events(connection, event_inserts)


async def _keep_snapshots(
    connection: AsyncConnection, changes: Sequence[tuple[PollRecord, Change]], held: Mapping[int, AnyRow]
) -> None:
    seen = [(poll, change, change.snapshot) for poll, change in changes if change.snapshot is not None]
    if not seen:
        return
    await keep_open_amounts(connection, [(poll.key, change.version, snapshot) for poll, change, snapshot in seen])
    newest = [SeenInvoice(poll.key, change.version, snapshot, _seen_at(poll)) for poll, change, snapshot in seen]
    await keep_invoice_amounts(connection, newest)
    rows = [_snapshot_row(poll, change, snapshot, held[poll.key].asked_at) for poll, change, snapshot in seen]
    await execute_many(connection, _SNAPSHOTS[connection.dialect.name == "sqlite"], rows)


def _upserting_snapshots(*, is_sqlite: bool) -> postgresql.Insert | sqlite.Insert:
    inserting = sqlite.insert(snapshots) if is_sqlite else postgresql.insert(snapshots)
    new = {"document": inserting.excluded.document}
    return inserting.on_conflict_do_update(index_elements=["watch_id", "version"], set_=new)


_SNAPSHOTS = {is_sqlite: _upserting_snapshots(is_sqlite=is_sqlite) for is_sqlite in (False, True)}


def _snapshot_row(
    poll: PollRecord, change: Change, snapshot: Snapshot, observed_after: datetime | None
) -> dict[str, Any]:
    return {
        "watch_id": poll.key,
        "version": change.version,
        "observed_after": observed_after,
        "observed_at": _seen_at(poll),
        "document": json_text.write(to_document(snapshot)).decode(),
    }


def _seen_at(poll: PollRecord) -> datetime:
    return poll.fetched_at or poll.polled_at


async def _supersede(connection: AsyncConnection, changes: Sequence[tuple[PollRecord, Change]]) -> None:
    """End waiting deliveries that were superseded. Those in progress arrive, or end when they fail."""
    pairs = [{"key": poll.key, "superseded": kind} for poll, change in changes for kind in change.supersedes]
    if pairs:
        await connection.execute(_SUPERSEDE, pairs)
        await realign(connection, (poll.key for poll, change in changes if change.supersedes))


_UNDER_WAY = deliveries.c.state == DeliveryState.DELIVERING.value
_SUPERSEDE = (
    update(deliveries)
    .where(deliveries.c.watch_id == bindparam("key"), WAITING, deliveries.c.event_type == bindparam("superseded"))
    .values(
        state=case((_UNDER_WAY, deliveries.c.state), else_=DeliveryState.SUPERSEDED.value),
        due_at=case((_UNDER_WAY, deliveries.c.due_at), else_=null()),
        parked_reason=null(),
        overtaken=_UNDER_WAY,
    )
)


async def _keep_successes(connection: AsyncConnection, successes: Mapping[str, datetime]) -> None:
    if successes:
        rows = [{"key": source, "answered_at": at} for source, at in sorted(successes.items())]
        await connection.execute(_SUCCESS, rows)


_answered_at = bindparam("answered_at", type_=Instant)
_SUCCESS = (
    update(sources)
    .where(
        sources.c.name == bindparam("key"),
        or_(sources.c.last_success_at.is_(None), sources.c.last_success_at < _answered_at),
    )
    .values(last_success_at=_answered_at)
)
