"""Explains when one invoice is polled, and why: in sentences, and in numbers for programs."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import inf

from watcher.config.settings import Policy, SourceSettings, Weight
from watcher.core.instants import instant_text
from watcher.core.invoices.invoice import SETTLED
from watcher.core.scheduling.allocation import PollAllocation
from watcher.core.scheduling.hazard import DAY, STAGES, days_after, stage_at
from watcher.core.scheduling.hint_state import HintState
from watcher.daemon.planner import allocation_of, period
from watcher.ports import Item, PollReason, WatchState
from watcher.store import DelayStats, PollReasons, SqlHazardStats, Store

_SETTLED = {status.value for status in SETTLED}

_BEFORE_ITS_TURN = {
    PollReason.REQUEST: "Somebody asked for a poll of it, which goes before those that the policy planned.",
    PollReason.HINT: "A hint named it, and its poll goes before those that the policy planned.",
    PollReason.ECHO: "The poll for a hint found nothing new, and one more follows.",
    PollReason.LIST: "The provider's list says that it has changed, so that it is polled before its turn.",
}
_HINTS = {
    HintState.WAITING: "have not brought enough changes yet to rely on them: it is polled as if there were none.",
    HintState.WORKING: "work: the policy counts only the changes that they do not bring.",
    HintState.STOPPED: "have stopped: it is polled as if there were none.",
}


async def explain(store: Store, source: SourceSettings, invoice_id: str, now: datetime) -> Item | None:
    """None if the invoice was never watched."""
    poll_reasons = await DelayStats(store).watch(source.name, invoice_id)
    if poll_reasons is None:
        return None
    weighted = source.polling.weight is Weight.AMOUNT
    census = await SqlHazardStats(store).census(source.name, source.provider, now, weighted=weighted)
    allocation = allocation_of(source, census, now)
    explanation: Item = {
        "source": source.name,
        "invoice_id": invoice_id,
        "state": poll_reasons.state,
        "status": poll_reasons.hazard_group.status,
        "policy": source.polling.policy.value,
        "next_poll_at": _text(poll_reasons.poll_at),
        "next_clock_at": _text(poll_reasons.clock_at),
        "last_polled_at": _text(poll_reasons.polled_at),
        "last_answered_at": _text(poll_reasons.fetched_at),
        "last_changed_at": _text(poll_reasons.changed_at),
        "last_error": poll_reasons.last_error,
        "failures": poll_reasons.failures,
        "misses": poll_reasons.misses,
        "adaptive": _adaptive(source, poll_reasons, allocation, now),
    }
    return explanation | {"why": list(_reasons(source, poll_reasons, allocation, census.hints, now))}


def _adaptive(
    source: SourceSettings, poll_reasons: PollReasons, allocation: PollAllocation, now: datetime
) -> Item | None:
    """The numbers behind the interval; None if another rule decides."""
    hazard_group = poll_reasons.hazard_group
    if source.polling.policy is not Policy.ADAPTIVE or hazard_group.status is None or hazard_group.status in _SETTLED:
        return None
    days = days_after(hazard_group.due_hour, now)
    stage, free = stage_at(days), allocation.free_days(hazard_group, now)
    return {
        "stage": STAGES[stage],
        "days_after_due": None if days is None else round(days, 2),
        "hazard_per_day": round(allocation.curve(hazard_group).hazards[stage], 5),
        "weight": round(allocation.weight(hazard_group), 3),
        "kappa": round(allocation.interval_rule.effort, 6),
        "looks_per_day": round(allocation.budget),
        "interval": period(allocation.interval(hazard_group, now)),
        "unbound_interval": None if free == inf else period(free * DAY),
        "bound_by": _bound_by(allocation, free),
        "fastest": period(allocation.interval_rule.shortest * DAY),
        "slowest": period(allocation.interval_rule.longest * DAY),
    }


def _bound_by(allocation: PollAllocation, free_days: float) -> str | None:
    if free_days < allocation.interval_rule.shortest:
        return "fastest"
    return "slowest" if free_days > allocation.interval_rule.longest else None


def _reasons(
    source: SourceSettings, poll_reasons: PollReasons, allocation: PollAllocation, hints: HintState, now: datetime
) -> Iterator[str]:
    """Sentences, with the deciding one first."""
    if (resting := _resting(poll_reasons)) is not None:
        yield resting
        return
    if poll_reasons.poll_at is not None and poll_reasons.poll_at <= now:
        yield f"It is due since {_text(poll_reasons.poll_at)} and waits for a send slot within the rate of its source."
    if poll_reasons.poll_reason is not None:
        yield _BEFORE_ITS_TURN[poll_reasons.poll_reason]
    yield _deciding(source, poll_reasons)
    if poll_reasons.failures or poll_reasons.misses or poll_reasons.hazard_group.status in {None, *_SETTLED}:
        return
    if source.polling.policy is Policy.ADAPTIVE:
        yield from _adaptive_reasons(source, poll_reasons, allocation, now)
        if hints in _HINTS:
            yield f"Hints of {source.name} {_HINTS[hints]}"
    if poll_reasons.clock_at is not None:
        is_next = "and so the next poll is then" if poll_reasons.poll_at == poll_reasons.clock_at else "or sooner"
        yield f"A clock event may be due at {_text(poll_reasons.clock_at)}: it is polled then, {is_next}."
    if not poll_reasons.account_answers:
        yield "The account does not answer: only probes are sent until it does."
    elif poll_reasons.blocked_until is not None and poll_reasons.blocked_until > now:
        yield f"The account asked for a pause until {_text(poll_reasons.blocked_until)}."


def _resting(poll_reasons: PollReasons) -> str | None:
    if not poll_reasons.is_watched:
        return "It is not watched any more."
    if not poll_reasons.is_configured:
        return "Its source is not in the configuration any more."
    if poll_reasons.state == WatchState.RETIRED.value:
        return "It has been settled for longer than keep_settled, and is not polled any more."
    if poll_reasons.polled_at is None:
        return "It is new and was never polled: it is due at once, as soon as the rate allows."
    return None


def _deciding(source: SourceSettings, poll_reasons: PollReasons) -> str:
    polling, at = source.polling, _text(poll_reasons.poll_at)
    if poll_reasons.failures:
        return f"The last {poll_reasons.failures} polls failed ({poll_reasons.last_error}): it is tried again at {at}."
    if poll_reasons.hazard_group.status is None:
        return f"The provider knows no such invoice: it is polled every {period(polling.slowest)}, next at {at}."
    if poll_reasons.misses:
        return f"It was missing {poll_reasons.misses} times in a row: the poll at {at} decides whether it is deleted."
    if poll_reasons.hazard_group.status in _SETTLED:
        return (
            f"It is {poll_reasons.hazard_group.status}: the next poll comes after a quarter of the time since then, "
            f"at most 7 days later; it is at {at}."
        )
    rules = {
        Policy.FIXED: f"every {period(polling.every)}",
        Policy.CRON: f'"{polling.cron}" in {source.timezone.key}',
        Policy.ADAPTIVE: "most often where changes are likely",
    }
    return f'The policy is "{polling.policy.value}": {rules[polling.policy]}. The next poll is planned for {at}.'


def _adaptive_reasons(
    source: SourceSettings, poll_reasons: PollReasons, allocation: PollAllocation, now: datetime
) -> Iterator[str]:
    hazard_group, days = poll_reasons.hazard_group, days_after(poll_reasons.hazard_group.due_hour, now)
    hazard = allocation.curve(hazard_group).hazards[stage_at(days)]
    where = "has no due date" if days is None else f"is {_distance(days)} its due instant"
    invoices = f"{hazard_group.status} {source.provider} invoices"
    yield f"It {where}. Of {invoices} there, {hazard:.2%} change in a day, as far as polls have shown."
    if source.polling.weight is Weight.AMOUNT:
        yield f"By its amount it weighs {allocation.weight(hazard_group):.2f} times the average in its currency."
    free, interval = allocation.free_days(hazard_group, now), allocation.interval(hazard_group, now)
    yield (
        f"The {round(sum(group.count for group in allocation.groups))} open invoices of {source.name} get "
        f"{round(allocation.budget)} polls a day (κ = {allocation.interval_rule.effort:.4g}), which gives this one a "
        f"poll every {period(interval)} now."
    )
    if (bound := _bound_by(allocation, free)) is not None:
        unbound = "ever more rarely" if free == inf else f"every {period(free * DAY)}"
        yield f"Without {bound} it would be {unbound}."


def _distance(days: float) -> str:
    length = period(timedelta(days=abs(days)))
    return f"{length} before" if days < 0 else f"{length} after"


def _text(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at.replace(microsecond=0))
