"""Turns the result of polling one invoice into what is recorded. Pure: time and jitter are passed in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from watcher.core.errors import InvalidAnswer, WatcherError
from watcher.core.invoices import history_state
from watcher.core.invoices.body import Observation
from watcher.core.invoices.clock_events import next_instant
from watcher.core.invoices.invoice import SETTLED, Snapshot, Status
from watcher.core.invoices.snapshot import deleted, take
from watcher.core.invoices.transition import observe
from watcher.core.scheduling import intervals
from watcher.core.scheduling.allocation import HazardGroup
from watcher.core.scheduling.hazard import due_hour
from watcher.core.scheduling.value_weight import worth_of
from watcher.core.value_object import value_object
from watcher.polling import fingerprint
from watcher.polling.change import change_of
from watcher.polling.hints import found_by, found_changes
from watcher.polling.learning import learned
from watcher.polling.source_plan import SourcePlan
from watcher.ports import ClaimedWatch, Found, FoundBy, Listed, PollRecord, WatchState

_ERROR_LENGTH = 500
_CACHED = InvalidAnswer("a cache between us and the provider gave an answer that is older than the one known")
_OUTDATED = InvalidAnswer("the provider gave an older state of the invoice than the one known")
_DOUBTS, _DOUBTED_FOR = 3, timedelta(days=1)
"""After so many failed polls in so long, an older state is believed: the provider may have restored a backup."""
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@value_object
class Moment:
    """When a poll was made, and whether our clock can be trusted. `is_cached` as in `ports.Fetched`."""

    asked_at: datetime
    answered_at: datetime
    jitter: float
    clock_held: bool = False
    is_cached: bool = False
    is_list: bool = False
    """The answer is a page of a list."""


def known_text(plan: SourcePlan, watch: ClaimedWatch, until: datetime) -> bytes | None:
    """`Found.text` if an equal answer before `until` would say nothing new; None if every answer must be read."""
    if watch.misses or (watch.clock_at is not None and watch.clock_at <= until):
        return None
    return fingerprint.known_text(watch.fingerprint, plan.added(watch))


def same(plan: SourcePlan, watch: ClaimedWatch, at: Moment) -> PollRecord:
    """The provider sent the known text."""
    record = _unchanged(plan, watch, at)
    # Clock events are decided from a document that was read: at once if the answer took this long.
    return replace(record, poll_at=at.answered_at) if _is_clock_due(watch, at) else record


def found(plan: SourcePlan, watch: ClaimedWatch, result: Found, at: Moment) -> PollRecord:
    """The provider gave the document."""
    if result.text and result.text == known_text(plan, watch, at.answered_at):
        return same(plan, watch, at)
    before = history_state.loads(watch.memory)
    try:
        document = result.read()
        digest = fingerprint.joined(result.text, result.hash_steady(document), plan.added(watch))
        is_same = fingerprint.is_same_content(digest, watch.fingerprint)
        if is_same and not watch.misses and not _is_clock_due(watch, at):
            record = _unchanged(plan, watch, at)
            return replace(record, fingerprint=digest, is_unchanged=False) if result.text else record
        if not is_same and _is_from_before(watch, at):
            return failed(plan, watch, _CACHED, at)
        # Recorded under the id that is watched: a provider may spell it differently, and event ids depend on it.
        invoice = replace(plan.provider.to_invoice(document, before.snapshot), id=watch.invoice_id)
        if not is_same and _is_older(invoice.revision, before.revision) and not _is_doubted_enough(watch, at):
            return failed(plan, watch, _OUTDATED, at)
        raw = None if is_same else result.write_raw(document)
    except InvalidAnswer as error:
        return failed(plan, watch, error, at)
    taken = take(invoice, plan.facts(watch))
    transition = observe(before, taken, invoice, at.answered_at, plan.clock, clock_held=at.clock_held)
    seen = Observation(watch.asked_at if before.snapshot else None, at.answered_at, at.answered_at)
    how = found_by(watch, is_list=at.is_list)
    record = _known(plan, watch, transition.snapshot, at)
    return replace(
        record,
        asked_at=at.asked_at,
        fetched_at=at.answered_at,
        fingerprint=digest,
        raw=raw,
        change=change_of(plan, transition, seen, how),
        exposures=learned(plan, watch, at.answered_at, how, transition.events),
        found_changes=found_changes(plan, watch, how, transition.events),
    )


def _is_from_before(watch: ClaimedWatch, at: Moment) -> bool:
    """Whether a cache gave an answer from before the one known: it must not undo what came since."""
    return at.is_cached and watch.asked_at is not None and at.asked_at < watch.asked_at


def _is_older(revision: int | None, known: int | None) -> bool:
    return revision is not None and known is not None and revision < known


def _is_doubted_enough(watch: ClaimedWatch, at: Moment) -> bool:
    fetched_at = watch.fetched_at or at.answered_at
    return watch.failures >= _DOUBTS and at.answered_at - fetched_at >= _DOUBTED_FOR


def _is_clock_due(watch: ClaimedWatch, at: Moment) -> bool:
    return watch.clock_at is not None and watch.clock_at <= at.answered_at and not at.clock_held


def missed(plan: SourcePlan, watch: ClaimedWatch, at: Moment, *, account_answers: bool) -> PollRecord:
    """The provider says there is no such invoice.

    `account_answers`: it gave another good answer since the first miss.
    """
    if _is_from_before(watch, at):
        return failed(plan, watch, _CACHED, at)
    now, misses, first = at.answered_at, watch.misses + 1, watch.first_missed_at or at.answered_at
    record = PollRecord(
        key=watch.key,
        lease=watch.lease,
        polled_at=now,
        poll_at=now + intervals.jittered(plan.poll_rules.slowest, at.jitter),
        clock_at=watch.clock_at,
        state=WatchState.NOT_FOUND,
        misses=misses,
        first_missed_at=first,
        last_error="the provider knows no such invoice",
        settled_at=watch.settled_at,
    )
    before = history_state.loads(watch.memory)
    if before.snapshot is None:
        return record
    if before.snapshot.status is Status.DELETED:
        known = _known(plan, watch, before.snapshot, at)
        return replace(known, misses=misses, first_missed_at=first)
    if not account_answers or not intervals.is_deleted(misses, first, now, plan.poll_rules):
        return replace(record, state=WatchState.ACTIVE, poll_at=intervals.after_miss(now, plan.poll_rules))
    transition = observe(before, deleted(before.snapshot), None, now, plan.clock, clock_held=at.clock_held)
    seen = Observation(watch.asked_at, now, now)
    known = _known(plan, watch, transition.snapshot, at)
    return replace(
        known, misses=misses, first_missed_at=first, change=change_of(plan, transition, seen, found_by(watch))
    )


def failed(plan: SourcePlan, watch: ClaimedWatch, error: WatcherError, at: Moment) -> PollRecord:
    """The poll says nothing about this invoice."""
    failures = watch.failures + 1
    poll_at = intervals.after_failure(at.answered_at, failures, plan.poll_rules, at.jitter)
    return PollRecord(
        key=watch.key,
        lease=watch.lease,
        polled_at=at.answered_at,
        poll_at=_in_time_for(watch.clock_at, poll_at, at),
        clock_at=watch.clock_at,
        state=WatchState.FAILING,
        misses=watch.misses,
        first_missed_at=watch.first_missed_at,
        failures=failures,
        last_error=str(error)[:_ERROR_LENGTH],
        settled_at=watch.settled_at,
    )


def stale_clock(plan: SourcePlan, watch: ClaimedWatch, now: datetime) -> PollRecord:
    """Decides clock events from the last snapshot, if no new poll came in time."""
    record = PollRecord(
        key=watch.key,
        lease=watch.lease,
        polled_at=now,
        poll_at=now,
        clock_at=None,
        state=WatchState.ACTIVE,
        clock_only=True,
    )
    before = history_state.loads(watch.memory)
    if before.snapshot is None or watch.fetched_at is None:
        return record
    transition = observe(before, before.snapshot, None, now, plan.clock, clock_held=False)
    seen = Observation(watch.asked_at, now, watch.fetched_at)
    clock_at = next_instant(transition.snapshot, now, plan.clock)
    return replace(record, clock_at=clock_at, change=change_of(plan, transition, seen, FoundBy.POLL))


def partial_row(
    plan: SourcePlan, watch: ClaimedWatch, row: Listed, omits: frozenset[str], at: Moment
) -> PollRecord | None:
    """What a partial row says: nothing new, or None if the invoice has to be polled.

    It replaces a poll only by postponing the next one; the last snapshot and its time stay as they are.
    """
    before = history_state.loads(watch.memory).snapshot
    is_later = row.changed_at is not None and watch.fetched_at is not None and row.changed_at > watch.fetched_at
    if before is None or is_later:
        return None
    try:
        invoice = replace(plan.provider.to_invoice(row.document, before), id=watch.invoice_id)
    except InvalidAnswer:
        return None
    unsaid = {name: getattr(before, name) for name in ("overdue", *omits)}
    if replace(take(invoice, plan.facts(watch)), **unsaid) != before:
        return None
    return replace(_unchanged(plan, watch, at), asked_at=None, fetched_at=None, exposures=(), is_unchanged=False)


def _unchanged(plan: SourcePlan, watch: ClaimedWatch, at: Moment) -> PollRecord:
    poll_at, state = _next_poll(plan, watch.hazard_group, watch.settled_at, watch.clock_at, at)
    return PollRecord(
        key=watch.key,
        lease=watch.lease,
        polled_at=at.answered_at,
        poll_at=poll_at,
        clock_at=watch.clock_at,
        state=state,
        settled_at=watch.settled_at,
        asked_at=at.asked_at,
        fetched_at=at.answered_at,
        exposures=learned(plan, watch, at.answered_at),
        is_unchanged=state is WatchState.ACTIVE,
    )


def _known(plan: SourcePlan, watch: ClaimedWatch, snapshot: Snapshot, at: Moment) -> PollRecord:
    now = at.answered_at
    settled_at = (watch.settled_at or now) if snapshot.status in SETTLED else None
    # While the clock is held no clock event is decided: its instant stays due until one can be.
    clock_at = next_instant(snapshot, _BEFORE_ALL if at.clock_held else now, plan.clock)
    hazard_group = _hazard_group(snapshot)
    poll_at, state = _next_poll(plan, hazard_group, settled_at, clock_at, at)
    return PollRecord(
        key=watch.key,
        lease=watch.lease,
        polled_at=now,
        poll_at=poll_at,
        clock_at=clock_at,
        state=state,
        settled_at=settled_at,
        hazard_group=hazard_group,
    )


def _hazard_group(snapshot: Snapshot) -> HazardGroup:
    currency, worth = worth_of(snapshot.amounts)
    return HazardGroup(snapshot.status.value, due_hour(snapshot.due_at), currency, worth)


def _next_poll(
    plan: SourcePlan, hazard_group: HazardGroup, settled_at: datetime | None, clock_at: datetime | None, at: Moment
) -> tuple[datetime | None, WatchState]:
    if settled_at is not None:
        poll_at = intervals.settled_at(at.answered_at, settled_at, plan.poll_rules, at.jitter)
        return poll_at, WatchState.RETIRED if poll_at is None else WatchState.ACTIVE
    return _in_time_for(clock_at, plan.regular(hazard_group, at.answered_at, at.jitter), at), WatchState.ACTIVE


def _in_time_for(clock_at: datetime | None, poll_at: datetime, at: Moment) -> datetime:
    """No later than the next clock instant: clock events need a new poll."""
    return min(poll_at, clock_at) if clock_at is not None and clock_at > at.answered_at else poll_at
