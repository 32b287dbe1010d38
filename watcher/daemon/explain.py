"""Why one invoice is looked at when: in words, and in numbers for programs."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import inf

from watcher.config.settings import Policy, SourceSettings, Weight
from watcher.core.instants import instant_text
from watcher.core.invoices.invoice import SETTLED
from watcher.core.scheduling.allocation import Course
from watcher.core.scheduling.hazard import DAY, STAGES, days_after, stage_at
from watcher.daemon.planner import course_of, period
from watcher.ports import Item, WatchState
from watcher.store import Prospect, Prospects, SqlSurveys, Store

_SETTLED = {status.value for status in SETTLED}


async def explain(store: Store, source: SourceSettings, invoice_id: str, now: datetime) -> Item | None:
    """None where the invoice was never watched."""
    prospect = await Prospects(store).watch(source.name, invoice_id)
    if prospect is None:
        return None
    weighted = source.polling.weight is Weight.AMOUNT
    census = await SqlSurveys(store).census(source.name, source.provider, now, weighted=weighted)
    course = course_of(source, census, now)
    told: Item = {
        "source": source.name,
        "invoice_id": invoice_id,
        "state": prospect.state,
        "status": prospect.standing.status,
        "policy": source.polling.policy.value,
        "next_poll_at": _text(prospect.poll_at),
        "next_clock_at": _text(prospect.clock_at),
        "last_polled_at": _text(prospect.polled_at),
        "last_answered_at": _text(prospect.fetched_at),
        "last_changed_at": _text(prospect.changed_at),
        "last_error": prospect.last_error,
        "failures": prospect.failures,
        "misses": prospect.misses,
        "adaptive": _adaptive(source, prospect, course, now),
    }
    return told | {"why": list(_reasons(source, prospect, course, now))}


def _adaptive(source: SourceSettings, prospect: Prospect, course: Course, now: datetime) -> Item | None:
    """The numbers behind the interval; None where another rule decides."""
    standing = prospect.standing
    if source.polling.policy is not Policy.ADAPTIVE or standing.status is None or standing.status in _SETTLED:
        return None
    days = days_after(standing.due_hour, now)
    stage, free = stage_at(days), course.free_days(standing, now)
    return {
        "stage": STAGES[stage],
        "days_after_due": None if days is None else round(days, 2),
        "hazard_per_day": round(course.curve(standing).hazards[stage], 5),
        "weight": round(course.weight(standing), 3),
        "kappa": round(course.spread.effort, 6),
        "looks_per_day": round(course.budget),
        "interval": period(course.interval(standing, now)),
        "unbound_interval": None if free == inf else period(free * DAY),
        "bound_by": _bound_by(course, free),
        "fastest": period(course.spread.shortest * DAY),
        "slowest": period(course.spread.longest * DAY),
    }


def _bound_by(course: Course, free_days: float) -> str | None:
    if free_days < course.spread.shortest:
        return "fastest"
    return "slowest" if free_days > course.spread.longest else None


def _reasons(source: SourceSettings, prospect: Prospect, course: Course, now: datetime) -> Iterator[str]:
    """Sentences, the one that decides first."""
    if (resting := _resting(prospect)) is not None:
        yield resting
        return
    if prospect.poll_at is not None and prospect.poll_at <= now:
        yield f"It is due since {_text(prospect.poll_at)} and waits for its turn in the rate of its source."
    yield _deciding(source, prospect)
    if prospect.failures or prospect.misses or prospect.standing.status in {None, *_SETTLED}:
        return
    if source.polling.policy is Policy.ADAPTIVE:
        yield from _adaptive_reasons(source, prospect, course, now)
    if prospect.clock_at is not None:
        is_next = "and so the next look is then" if prospect.poll_at == prospect.clock_at else "or sooner"
        yield f"The clock has something to say at {_text(prospect.clock_at)}: it is looked at then, {is_next}."
    if not prospect.account_answers:
        yield "The account does not answer: only probes are sent until it does."
    elif prospect.blocked_until is not None and prospect.blocked_until > now:
        yield f"The account wants to be left alone until {_text(prospect.blocked_until)}."


def _resting(prospect: Prospect) -> str | None:
    if not prospect.is_watched:
        return "It is not watched any more."
    if not prospect.is_configured:
        return "Its source is not in the configuration any more."
    if prospect.state == WatchState.RETIRED.value:
        return "It has been settled for longer than keep_settled, and is not looked at any more."
    if prospect.polled_at is None:
        return "It is new and was never looked at: it is due at once, as the rate allows."
    return None


def _deciding(source: SourceSettings, prospect: Prospect) -> str:
    polling, at = source.polling, _text(prospect.poll_at)
    if prospect.failures:
        return f"The last {prospect.failures} looks failed ({prospect.last_error}): it is tried again at {at}."
    if prospect.standing.status is None:
        return f"The provider knows no such invoice: it is looked at every {period(polling.slowest)}, next at {at}."
    if prospect.misses:
        return f"It was missing {prospect.misses} times in a row: the next look, at {at}, tells whether it is deleted."
    if prospect.standing.status in _SETTLED:
        return (
            f"It is {prospect.standing.status}: looked at after a quarter of the time since, at least every 7 days, "
            f"next at {at}."
        )
    rules = {
        Policy.FIXED: f"every {period(polling.every)}",
        Policy.CRON: f'"{polling.cron}" in {source.timezone.key}',
        Policy.ADAPTIVE: "most often where changes are likely",
    }
    return f'The policy is "{polling.policy.value}": {rules[polling.policy]}. The next look was planned for {at}.'


def _adaptive_reasons(source: SourceSettings, prospect: Prospect, course: Course, now: datetime) -> Iterator[str]:
    standing, days = prospect.standing, days_after(prospect.standing.due_hour, now)
    hazard = course.curve(standing).hazards[stage_at(days)]
    where = "has no due date" if days is None else f"is {_distance(days)} its due instant"
    invoices = f"{standing.status} {source.provider} invoices"
    yield f"It {where}. Of {invoices} there, {hazard:.2%} change in a day, as far as polls have shown."
    if source.polling.weight is Weight.AMOUNT:
        yield f"By its amount it weighs {course.weight(standing):.2f} times the average in its currency."
    free, interval = course.free_days(standing, now), course.interval(standing, now)
    yield (
        f"The {round(sum(group.count for group in course.groups))} open invoices of {source.name} get "
        f"{round(course.budget)} looks a day (κ = {course.spread.effort:.4g}), which gives this one a look "
        f"every {period(interval)} now."
    )
    if (bound := _bound_by(course, free)) is not None:
        unbound = "ever more rarely" if free == inf else f"every {period(free * DAY)}"
        yield f"Without {bound} it would be {unbound}."


def _distance(days: float) -> str:
    length = period(timedelta(days=abs(days)))
    return f"{length} before" if days < 0 else f"{length} after"


def _text(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at.replace(microsecond=0))
