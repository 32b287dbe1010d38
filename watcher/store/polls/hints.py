"""From hints to polls: the watches that hints name become due at once, in one transaction for any number of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import HintedIds, HintOutcome, HintsTaken, PollReason
from watcher.store.column_types import Instant, storable
from watcher.store.engine import Store
from watcher.store.hint_stats import count_hints
from watcher.store.locks import lock_watches
from watcher.store.notifications import Notice, notify
from watcher.store.polls.rate_budget import gcra
from watcher.store.tables import sources, watches
from watcher.store.watches.desired import Discovery
from watcher.store.watches.write import WatchChange, due_now, is_discoverable, known_rows, lock_desired, write

_CHUNK = 1000
_LONGEST_WAIT = timedelta(minutes=10)
"""How long an invoice that only hints know waits for its first poll; what would wait longer is dropped."""
_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class SqlHints:
    """`ports.Hints`."""

    store: Store

    async def take(self, hints: Sequence[HintedIds], now: datetime) -> Mapping[str, HintsTaken]:
        """Lock order as everywhere: desired states, watches by key, sources."""
        asked = {one.source: tuple(dict.fromkeys(map(storable, one.ids))) for one in hints}
        async with self.store.transaction() as connection:
            if any(one.discovery_interval is not None for one in hints):
                await lock_desired(connection)
            here = await self.store.now(connection, now)
            watched = {source: await _watched(connection, source, ids) for source, ids in sorted(asked.items())}
            await _make_due(connection, [key for keys in watched.values() for key in keys.values()], here)
            taken: dict[str, HintsTaken] = {}
            for one in sorted(hints, key=lambda one: one.source):
                unknown = [invoice_id for invoice_id in asked[one.source] if invoice_id not in watched[one.source]]
                discovered = await _discover(connection, one, unknown, here)
                taken[one.source] = HintsTaken(len(watched[one.source]), discovered, len(unknown) - discovered)
            await connection.execute(_HINTED, [{"key": source, "here": here} for source in sorted(asked)])
            await notify(connection, Notice.POLLS)
        return taken

    async def count(self, counts: Mapping[tuple[str, HintOutcome], int]) -> None:
        if not counts:  # every minute at a service without hints: that needs no transaction
            return
        async with self.store.transaction() as connection:
            await count_hints(connection, counts)


async def _watched(connection: AsyncConnection, source: str, ids: Sequence[str]) -> dict[str, int]:
    """The keys of these invoices that are watched."""
    found: dict[str, int] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = await connection.execute(_WATCHED, {"of_source": source, "ids": ids[start : start + _CHUNK]})
        found |= {row.invoice_id: row.id for row in rows}
    return found


async def _make_due(connection: AsyncConnection, keys: Sequence[int], here: datetime) -> None:
    """One hint or many before a poll are one poll; one during a poll is another poll after it."""
    ordered = sorted(keys)
    await lock_watches(connection, ordered)
    values = due_now(here) | {watches.c.poll_reason: PollReason.HINT.value}
    waits_already = (watches.c.poll_reason == PollReason.HINT.value) & watches.c.poll_again
    for start in range(0, len(ordered), _CHUNK):
        chosen = watches.c.id.in_(ordered[start : start + _CHUNK])
        is_new = or_(watches.c.poll_reason.is_(None), ~waits_already)
        await connection.execute(update(watches).where(chosen, watches.c.origins != "", is_new).values(values))


async def _discover(connection: AsyncConnection, hints: HintedIds, unknown: Sequence[str], here: datetime) -> int:
    """Watch unknown invoices, each due in a slot of a budget of their own; returns how many."""
    if hints.discovery_interval is None or not unknown:
        return 0
    slot_at = select(sources.c.discovery_slot_at).where(sources.c.name == hints.source).with_for_update()
    budget = gcra((await connection.execute(slot_at)).scalar(), hints.discovery_interval, here)
    room = budget.room(here + _LONGEST_WAIT, _MOST_WAITING)
    known = await known_rows(connection, [(hints.source, one) for one in unknown])
    new = [one for one in unknown if is_discoverable(known.get((hints.source, one)))][:room]
    if not new:
        return 0
    found = Discovery.WATCHED
    changes = [WatchChange(hints.source, one, None, None, known.get((hints.source, one)), found=found) for one in new]
    await write(connection, changes, here)
    slots = [
        {"of_source": hints.source, "of_invoice": one, "slot_at": slot}
        for one, slot in zip(new, budget.slots(len(new)), strict=True)
    ]
    await connection.execute(_PLAN, slots)
    free_at = {"discovery_slot_at": budget.after(len(new))}
    await connection.execute(update(sources).where(sources.c.name == hints.source).values(free_at))
    return len(new)


_WATCHED = select(watches.c.id, watches.c.invoice_id).where(
    watches.c.source == bindparam("of_source"),
    watches.c.invoice_id.in_(bindparam("ids", expanding=True)),
    watches.c.origins != "",
)
_HINTED = update(sources).where(sources.c.name == bindparam("key")).values(hinted_at=bindparam("here", type_=Instant))
_slot_at = bindparam("slot_at", type_=Instant)
_PLAN = (
    update(watches)
    .where(watches.c.source == bindparam("of_source"), watches.c.invoice_id == bindparam("of_invoice"))
    .values(poll_at=_slot_at, due_at=_slot_at, poll_reason=PollReason.HINT.value)
)
