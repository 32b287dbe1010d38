"""Turns the events of a transition into what is recorded: bodies in every form, and a delivery for each endpoint."""

from datetime import datetime, timedelta

from watcher.core.invoices import history_state
from watcher.core.invoices.body import Observation, full, thin
from watcher.core.invoices.event import CLOCK_TYPES, EventType, Fact, is_change_at_provider, is_quiet
from watcher.core.invoices.invoice import Snapshot
from watcher.core.invoices.transition import Event, Transition
from watcher.polling.source_plan import SourcePlan
from watcher.ports import Change, EventRecord, Form, FoundBy


def change_of(plan: SourcePlan, transition: Transition, seen: Observation, how: FoundBy) -> Change:
    """The new state of an invoice, and its events as they are stored and delivered."""
    return Change(
        memory=history_state.dumps(transition.memory),
        version=transition.memory.version,
        sequence=transition.memory.sequence,
        snapshot=transition.snapshot if transition.is_new_version else None,
        events=tuple(_event_record(plan, transition.snapshot, event, seen, how) for event in transition.events),
        supersedes=() if transition.snapshot.collectable else (EventType.DUE_SOON,),
    )


def _event_record(plan: SourcePlan, snapshot: Snapshot, event: Event, seen: Observation, how: FoundBy) -> EventRecord:
    body = full(event, snapshot, seen, seen.observed_at)
    fact, bodies, deliveries = event.fact, {Form.FULL: body}, list[tuple[str, Form]]()
    quiet = is_quiet(fact.type, fact.reason)
    for subscription in plan.subscriptions:
        if not subscription.wants(fact.type, quiet=quiet, source=plan.name, tags=snapshot.tags):
            continue
        form = subscription.form(len(body))
        if form.stored not in bodies:
            bodies[form.stored] = thin(body, truncated=form.stored is Form.TRUNCATED)
        deliveries.append((subscription.endpoint, form))
    return EventRecord(
        id=event.id,
        type=fact.type,
        sequence=event.sequence,
        source=plan.name,
        timestamp=seen.observed_at,
        bodies=bodies,
        deliveries=tuple(deliveries),
        tags=snapshot.tags,
        delay=_delay(fact, seen.observed_at),
        found_by=FoundBy.POLL if fact.type in CLOCK_TYPES else how,
    )


def _delay(fact: Fact, observed_at: datetime) -> timedelta | None:
    """How long after the provider's time of a change it was found; zero if the provider's clock is ahead."""
    if fact.occurred_at is None or not is_change_at_provider(fact):
        return None
    return max(observed_at - fact.occurred_at, timedelta(0))
