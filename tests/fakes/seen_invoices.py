"""Invoices as polls find them, recorded by the store's own code."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.fakes import stored
from tests.fakes.stored import EUR, NOW, OPEN
from watcher.core.invoices import history_state
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.invoice import Amounts, Snapshot, Status
from watcher.ports import DesiredWatch
from watcher.store import SqlPollQueue, SqlWatches, Store


def money(due: str = "0.00", paid: str = "0.00", currency: str = "EUR") -> Amounts:
    total = Decimal(due) + Decimal(paid)
    return replace(EUR, currency=currency, total=total, paid=Decimal(paid), due=Decimal(due))


def due(name: str, amount: str = "10.00", day: date | None = None, **other: object) -> Snapshot:
    """Open, due at the end of this day in UTC; None is without a due date."""
    due_at = (
        None
        if day is None
        else NOW.replace(hour=0, minute=0, second=0, microsecond=0) + (day - NOW.date() + timedelta(days=1))
    )
    amounts = other.pop("amounts", (money(amount),))
    return replace(OPEN, id=name, due_on=day, due_at=due_at, amounts=amounts, **other)  # type: ignore[arg-type]


def paid(name: str, amount: str, issued: date | None, at: datetime | None, **other: object) -> Snapshot:
    amounts = other.pop("amounts", (money(paid=amount),))
    return replace(OPEN, id=name, status=Status.PAID, issued_on=issued, paid_at=at, amounts=amounts, **other)  # type: ignore[arg-type]


async def see(store: Store, *snapshots: Snapshot, version: int = 1, apart: timedelta = timedelta(0)) -> None:
    """A poll of each of these finds this, each so long after the one before."""
    watches, queue = SqlWatches(store), SqlPollQueue(store)
    await stored.watch(store)
    await watches.import_entries([DesiredWatch(one.source, one.id, one.tags) for one in snapshots], "cli", NOW)
    for source in sorted({one.source for one in snapshots}):
        claims = await queue.claim(NOW, [stored.request(source, interval=timedelta(0))], stored.LEASE)
        claimed = {watch.invoice_id: watch for claim in claims for watch in claim.watches}
        mine = [one for one in snapshots if one.source == source]
        records = [
            stored.polled(
                claimed[one.id],
                NOW + apart * snapshots.index(one),
                replace(stored.change(version=version, snapshot=one), memory=history_state.dumps(HistoryState(one))),
            )
            for one in mine
        ]
        assert await queue.record([replace(one, poll_at=NOW) for one in records], {}) == frozenset()
        await queue.release([claimed[name] for name in claimed if name not in {one.id for one in mine}], NOW)
