"""What a poll teaches the adaptive policy about invoices of its hazard group."""

from collections.abc import Sequence
from datetime import datetime

from watcher.core.invoices.event import is_change_at_provider
from watcher.core.invoices.transition import Event
from watcher.core.scheduling.hazard import Exposure, exposures, left_over
from watcher.polling.source_plan import SourcePlan
from watcher.ports import ClaimedWatch, FoundBy


def learned(
    plan: SourcePlan,
    watch: ClaimedWatch,
    until: datetime,
    how: FoundBy = FoundBy.POLL,
    events: Sequence[Event] = (),
) -> tuple[Exposure, ...]:
    """The exposures of a poll that was answered at `until`. Settled invoices follow another rule.

    Sources that take hints teach two things: how often invoices change, and how often they do without a hint.
    """
    was, since = watch.hazard_group, watch.fetched_at
    if since is None or was.status is None or watch.settled_at is not None:
        return ()
    changed_at = _changed_at(since, until, events) if events else None
    every = exposures(plan.provider_name, was.status, was.due_hour, since=since, until=until, changed_at=changed_at)
    if plan.hint_echo is None:
        return every
    return every + left_over(every, is_hinted=how is FoundBy.HINT)


def _changed_at(since: datetime, until: datetime, events: Sequence[Event]) -> datetime | None:
    """When the provider made the change: as it says, else in the middle of the interval; None without one."""
    seen = [event.fact for event in events if is_change_at_provider(event.fact)]
    if not seen:
        return None
    dated = [fact.occurred_at for fact in seen if fact.occurred_at is not None and since < fact.occurred_at <= until]
    return min(dated, default=since + (until - since) / 2)
