"""One step of an invoice's history: from its state and a new snapshot or instant to events and a new state."""

from dataclasses import replace
from datetime import datetime

from watcher.core import money
from watcher.core.invoices import clock_events, event_rules, history_state
from watcher.core.invoices.clock_events import ClockRules
from watcher.core.invoices.diff import changes
from watcher.core.invoices.event import CLOCK_TYPES, ORDER, EventType, Fact, fact_id
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.invoice import Invoice, Snapshot, Status
from watcher.core.value_object import value_object


@value_object
class Event:
    """A fact with its place in the invoice's history. `sequence` counts from 1 without gaps."""

    id: str
    sequence: int
    fact: Fact


@value_object
class Transition:
    """`snapshot` is the current one; `is_new_version` says whether it differs from the one before."""

    memory: HistoryState
    snapshot: Snapshot
    is_new_version: bool
    events: tuple[Event, ...]


@money.exact
def observe(
    before: HistoryState,
    taken: Snapshot,
    invoice: Invoice | None,
    now: datetime,
    rules: ClockRules,
    *,
    clock_held: bool,
) -> Transition:
    """Compare with the state. A pure function: the same inputs give the same ids.

    `taken` comes from `snapshot.take` or `snapshot.deleted`; to apply only the clock, pass the last snapshot again.
    `clock_held`: our clock cannot be trusted, so nothing is recorded or marked that only time makes true.
    """
    threshold = clock_events.overdue_from(taken, before, now, rules, held=clock_held)
    after = replace(taken, overdue=threshold is not None)
    clock_facts, marks = clock_events.decide(before.snapshot, after, before, now, rules, held=clock_held)
    compared = _compare(before, after, invoice, clock_facts)
    is_new_version = before.snapshot is None or any(fact.type not in CLOCK_TYPES or fact.changes for fact in compared)
    version = before.version + is_new_version
    ordered = sorted(compared, key=lambda fact: ORDER[fact.type])
    events = tuple(
        Event(fact_id(after.source, after.id, fact, version), before.sequence + number, fact)
        for number, fact in enumerate(ordered, start=1)
    )
    known, alive = history_state.with_snapshot(before, after)
    remembered = HistoryState(
        snapshot=after,
        known=known,
        alive=alive,
        version=version,
        sequence=before.sequence + len(events),
        recorded=before.recorded | marks,
        overdue_from=threshold,
        revision=before.revision if invoice is None or invoice.revision is None else invoice.revision,
    )
    return Transition(remembered, after, is_new_version, events)


def _compare(
    before: HistoryState, after: Snapshot, invoice: Invoice | None, clock_facts: tuple[Fact, ...]
) -> tuple[Fact, ...]:
    if before.snapshot is None:
        return (Fact(EventType.TRACKED), *clock_facts)
    facts: tuple[Fact, ...] = ()
    if after.status is not Status.UNKNOWN and before.known is not None:
        was_deleted = before.known.status is Status.DELETED
        basis = (before.alive or before.known) if was_deleted else before.known
        facts = event_rules.decide(basis, after, invoice, was_deleted=was_deleted)
    return event_rules.assign(
        (*facts, *clock_facts), changes(before.snapshot, after), same_due_date=before.snapshot.due_key == after.due_key
    )
