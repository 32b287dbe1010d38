"""Events that come with time and not with a change: due soon, overdue, reminders. And whether an invoice is overdue."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.core.instants import period_text
from watcher.core.invoices.event import EventType, Fact
from watcher.core.invoices.history_state import HistoryState, clock_mark
from watcher.core.invoices.invoice import Snapshot, Status

_T = EventType


@dataclass(frozen=True, slots=True)
class ClockRules:
    """`due_soon` offsets lie before the due instant, `reminders` after it and later than `grace`."""

    grace: timedelta = timedelta(0)
    due_soon: tuple[timedelta, ...] = ()
    reminders: tuple[timedelta, ...] = ()


def overdue_from(
    after: Snapshot, memory: HistoryState, now: datetime, rules: ClockRules, *, held: bool
) -> datetime | None:
    """The threshold since which `after` is overdue; None while it is not.

    An unknown status leaves the flag as it is. A clock that jumps back does not clear it: only another threshold does
    (another due date, grace or time zone). While `held`, nothing becomes overdue.
    """
    known = memory.known
    if after.status is Status.UNKNOWN:
        return memory.overdue_from
    if not after.collectable or after.due_at is None:
        return None
    threshold = _shift(after.due_at, rules.grace)
    same_due_date = known is not None and known.due_key == after.due_key
    if memory.overdue_from is not None and same_due_date and (held or threshold == memory.overdue_from):
        return memory.overdue_from
    return threshold if threshold is not None and now >= threshold and not held else None


def decide(
    before: Snapshot | None, after: Snapshot, memory: HistoryState, now: datetime, rules: ClockRules, *, held: bool
) -> tuple[tuple[Fact, ...], frozenset[str]]:
    """The facts that the clock makes true, in order, and the marks to add to `HistoryState.recorded`.

    `before` is None for a baseline. A baseline records only an overdue that is already true; all other instants that
    have passed are marked without an event. "No longer overdue" belongs to the due date that the overdue event was for,
    and an unknown status in between may have hidden it: the flag is compared with that of the last known snapshot.
    """
    if after.status is Status.UNKNOWN:
        return (), frozenset()
    facts = [*_cleared(memory.known, after), *_raised(memory.known, after, rules)]
    marks = {clock_mark(fact.type, fact.due_key or "") for fact in facts}
    facts = [fact for fact in facts if clock_mark(fact.type, fact.due_key or "") not in memory.recorded]
    if after.due_key is None or not after.collectable or held:
        return tuple(facts), frozenset(marks)
    is_before_due = after.due_at is not None and now < after.due_at
    for event_type, passed, is_recorded in (
        (_T.DUE_SOON, _passed_due_soon(after, now, rules), is_before_due),
        (_T.OVERDUE_REMINDER, _passed_reminders(after, now, rules), True),
    ):
        latest = clock_mark(event_type, after.due_key, period_text(passed[-1][1])) if passed else None
        if is_recorded and before is not None and latest is not None and latest not in memory.recorded:
            at, offset = passed[-1]
            facts.append(Fact(event_type, occurred_at=at, offset=period_text(offset), due_key=after.due_key))
        marks |= {clock_mark(event_type, after.due_key, period_text(offset)) for _, offset in passed}
    return tuple(facts), frozenset(marks)


def next_instant(snapshot: Snapshot, now: datetime, rules: ClockRules) -> datetime | None:
    """The next instant at which the clock causes an event for this invoice, if nothing else changes."""
    if not snapshot.collectable or snapshot.due_at is None:
        return None
    instants = (
        *(_shift(snapshot.due_at, -offset) for offset in rules.due_soon),
        _shift(snapshot.due_at, rules.grace),
        *(_shift(snapshot.due_at, offset) for offset in rules.reminders),
    )
    return min((at for at in instants if at is not None and at > now), default=None)


def _cleared(before: Snapshot | None, after: Snapshot) -> Iterator[Fact]:
    if before is None or not before.overdue or before.due_key is None:
        return
    if after.overdue and after.due_key == before.due_key:
        return
    reason = _reason(before, after)
    at = after.paid_at if reason == "paid" else after.voided_at if reason == "voided" else None
    yield Fact(_T.OVERDUE_CLEARED, reason=reason, occurred_at=at, due_key=before.due_key)


def _raised(before: Snapshot | None, after: Snapshot, rules: ClockRules) -> Iterator[Fact]:
    if not after.overdue or after.due_at is None:
        return
    if before is not None and before.overdue and before.due_key == after.due_key:
        return
    yield Fact(_T.OVERDUE, occurred_at=_shift(after.due_at, rules.grace), due_key=after.due_key)


def _reason(before: Snapshot, after: Snapshot) -> str:
    endings = {Status.VOID: "voided", Status.UNCOLLECTIBLE: "uncollectible", Status.DELETED: "deleted"}
    if after.status in endings:
        return endings[after.status]
    if after.status is Status.PAID or not after.money_due:
        return "credited" if _rose(before, after, "credited") and not _rose(before, after, "paid") else "paid"
    return "due_date_changed" if before.due_key != after.due_key else "other"


def _rose(before: Snapshot, after: Snapshot, field: str) -> bool:
    old: dict[str, Decimal] = {row.currency: getattr(row, field) for row in before.amounts}
    return any(getattr(row, field) > old.get(row.currency, 0) for row in after.amounts)


def _passed_due_soon(after: Snapshot, now: datetime, rules: ClockRules) -> list[tuple[datetime, timedelta]]:
    if after.due_at is None:
        return []
    return _passed(now, [(_shift(after.due_at, -offset), offset) for offset in rules.due_soon])


def _passed_reminders(after: Snapshot, now: datetime, rules: ClockRules) -> list[tuple[datetime, timedelta]]:
    if not after.overdue or after.due_at is None:
        return []
    return _passed(now, [(_shift(after.due_at, offset), offset) for offset in rules.reminders])


def _passed(now: datetime, instants: Iterable[tuple[datetime | None, timedelta]]) -> list[tuple[datetime, timedelta]]:
    """(instant, offset) of what has passed, the latest last."""
    return sorted((at, offset) for at, offset in instants if at is not None and at <= now)


def _shift(at: datetime, period: timedelta) -> datetime | None:
    try:
        return at + period
    except OverflowError:
        return None
