"""What hints do to a poll: how its change was found, and one more poll if it found nothing new."""

from collections.abc import Sequence
from dataclasses import replace

from watcher.core.invoices.event import is_change_at_provider
from watcher.core.invoices.transition import Event
from watcher.polling.source_plan import SourcePlan
from watcher.ports import ClaimedWatch, FoundBy, FoundChange, PollReason, PollRecord, WatchState

_FOUND_BY = {
    None: FoundBy.POLL,
    PollReason.REQUEST: FoundBy.REQUEST,
    PollReason.HINT: FoundBy.HINT,
    PollReason.ECHO: FoundBy.HINT,
    PollReason.LIST: FoundBy.LIST,
}


def found_by(watch: ClaimedWatch, *, is_list: bool = False) -> FoundBy:
    """How what this poll finds was found."""
    return FoundBy.LIST if is_list else _FOUND_BY[watch.poll_reason]


def found_changes(
    plan: SourcePlan, watch: ClaimedWatch, how: FoundBy, events: Sequence[Event]
) -> tuple[FoundChange, ...]:
    """The changes that hints could have brought: none of a first poll, and none of the clock's."""
    if plan.hint_echo is None or watch.fetched_at is None:
        return ()
    facts = (event.fact for event in events)
    return tuple(FoundChange(plan.name, fact.type, how) for fact in facts if is_change_at_provider(fact))


def with_next_reason(plan: SourcePlan, watch: ClaimedWatch, record: PollRecord) -> PollRecord:
    """The record of a poll by id, with one more poll soon if a hint led to it and nothing was new.

    A poll that failed is repeated for the same reason.
    """
    if watch.poll_reason is None:
        return record
    if record.state is WatchState.FAILING:
        return replace(record, next_reason=watch.poll_reason)
    is_new = record.change is not None and bool(record.change.events)
    if watch.poll_reason is not PollReason.HINT or is_new or plan.hint_echo is None or record.poll_at is None:
        return record
    poll_at = min(record.poll_at, record.polled_at + plan.hint_echo)
    return replace(record, poll_at=poll_at, next_reason=PollReason.ECHO, is_unchanged=False)
