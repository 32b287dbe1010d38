"""Before a single request: how late changes will be seen, and what seeing them sooner costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from types import MappingProxyType

from watcher.config.settings import Configuration, Policy, PollingSettings, SourceSettings, Weight
from watcher.config.values.durations import format_duration, format_rate
from watcher.core.scheduling.allocation import (
    RATE_SHARE,
    Census,
    Course,
    Group,
    Limits,
    budget_for,
    budget_of,
    plot,
    spread,
)
from watcher.core.scheduling.hazard import DAY, UNIFORM, Curve, Tally
from watcher.ports import Item, Lateness
from watcher.providers import PROVIDERS
from watcher.store import Prospects, SqlSurveys, Store

MEASURED_SINCE = timedelta(days=30)
_MANY = 30
"""Measured delays that are enough to doubt the expectation by."""
_FAR = 2.0
_MINUTE = timedelta(minutes=1)
_PERCENTILE = 0.95
_UNITS = (("s", 1), ("m", 60), ("h", 3600))


@dataclass(frozen=True, slots=True)
class Foresight:
    """What is expected of one source. `spent` is in looks a day, `delay` None where it cannot be told (cron)."""

    source: str | None
    provider: str
    polling: PollingSettings
    rate: float
    open_invoices: float
    groups: Sequence[Group]
    spent: float
    delay: timedelta | None
    delay_by_value: timedelta | None
    changes_learned: int

    @property
    def limits(self) -> Limits:
        return limits_of(self.polling)

    @property
    def requests(self) -> float:
        """A day, where batches are full."""
        return self.spent / PROVIDERS[self.provider].batch_size

    @property
    def evenly(self) -> timedelta | None:
        """The delay that these looks would have if all invoices were looked at equally often."""
        return self.open_invoices / self.spent / 2 * DAY if self.spent else None


def limits_of(polling: PollingSettings) -> Limits:
    return Limits(polling.every, polling.fastest, polling.slowest)


Delays = tuple[timedelta, ...]


async def foresee(
    store: Store, configuration: Configuration, now: datetime, counted: Mapping[str, Census] = MappingProxyType({})
) -> tuple[tuple[Foresight, Delays], ...]:
    """What is expected of each enabled source as it stands, and the delays that were measured there.

    `counted` are censuses taken just now: each reads all that is open.
    """
    found: list[tuple[Foresight, Delays]] = []
    for source in configuration.sources.values():
        if source.enabled:
            census = counted.get(source.name)
            if census is None:
                weighted = source.polling.weight is Weight.AMOUNT
                census = await SqlSurveys(store).census(source.name, source.provider, now, weighted=weighted)
            delays = await Prospects(store).delays(source.name, now - MEASURED_SINCE)
            found.append((of_source(source, census, now), delays))
    return tuple(found)


def course_of(source: SourceSettings, census: Census, now: datetime) -> Course:
    """The course that a running service takes now."""
    return plot(
        census,
        now,
        limits_of(source.polling),
        rate=source.rate,
        batch_size=PROVIDERS[source.provider].batch_size,
        weighted=source.polling.weight is Weight.AMOUNT,
    )


def of_source(source: SourceSettings, census: Census, now: datetime) -> Foresight:
    course = course_of(source, census, now)
    return _foresight(
        source.name, source.provider, source.polling, rate=source.rate, groups=course.groups, census=census
    )


def of_description(
    provider: str, polling: PollingSettings, *, invoices: int, rate: float, learned: Mapping[str, Mapping[int, Tally]]
) -> Foresight:
    """Of invoices that stand as those did that were looked at so far; all alike where none were."""
    census = Census({}, learned)
    return _foresight(None, provider, polling, rate=rate, groups=_alike(invoices, learned), census=census)


def _alike(invoices: int, learned: Mapping[str, Mapping[int, Tally]]) -> tuple[Group, ...]:
    days = sum(tally.days for tallies in learned.values() for tally in tallies.values())
    if not days:
        return (Group(invoices, UNIFORM.hazards[0]),)
    curves = {status: Curve.learned(tallies) for status, tallies in learned.items()}
    return tuple(
        Group(invoices * tally.days / days, curves[status].hazards[stage])
        for status, tallies in learned.items()
        for stage, tally in tallies.items()
        if tally.days
    )


def _foresight(
    source: str | None,
    provider: str,
    polling: PollingSettings,
    *,
    rate: float,
    groups: Sequence[Group],
    census: Census,
) -> Foresight:
    count, batch_size = sum(group.count for group in groups), PROVIDERS[provider].batch_size
    if polling.policy is Policy.ADAPTIVE:
        budget = budget_of(count, limits_of(polling), rate=rate, batch_size=batch_size, share=census.share)
        placed = spread(groups, budget, limits_of(polling))
        spent, delay = placed.looks(groups), placed.delay(groups)
        by_value = placed.delay(groups, by_value=True)
    else:
        spent = min(count / (polling.every / DAY), rate * batch_size * DAY.total_seconds())
        delay = by_value = count / spent / 2 * DAY if spent and polling.policy is Policy.FIXED else None
    return Foresight(
        source=source,
        provider=provider,
        polling=polling,
        rate=rate,
        open_invoices=count,
        groups=groups,
        spent=spent,
        delay=delay,
        delay_by_value=by_value if polling.weight is Weight.AMOUNT else None,
        changes_learned=sum(tally.events for tallies in census.learned.values() for tally in tallies.values()),
    )


async def lateness(
    store: Store, configuration: Configuration, now: datetime, counted: Mapping[str, Census], *, is_first: bool = False
) -> tuple[Lateness, ...]:
    """`foresee`, for those who only look. At the first count none open means that none was polled yet."""
    found: list[Lateness] = []
    for one, delays in await foresee(store, configuration, now, counted):
        mean, median, p95 = _summary(delays) or (None, None, None)
        found.append(
            Lateness(
                source=one.source or "",
                policy=one.polling.policy.value,
                open_invoices=None if is_first and not one.open_invoices else round(one.open_invoices),
                expected=one.delay,
                changes=len(delays),
                mean=mean,
                median=median,
                p95=p95,
                doubt=doubt(one, delays),
            )
        )
    return tuple(found)


def _summary(delays: Sequence[timedelta]) -> tuple[timedelta, timedelta, timedelta] | None:
    """The mean, median and 95th percentile of what was seen of changes that providers date."""
    if not delays:
        return None
    ordered = sorted(delays)
    mean = sum(ordered, timedelta(0)) / len(ordered)
    return mean, ordered[len(ordered) // 2], ordered[int(len(ordered) * _PERCENTILE)]


def measured(delays: Sequence[timedelta]) -> Item | None:
    """`_summary`, as `--json` shows it."""
    found = _summary(delays)
    if found is None:
        return None
    mean, median, p95 = map(period, found)
    return {"changes": len(delays), "mean": mean, "median": median, "p95": p95}


def document(foresight: Foresight, delays: Sequence[timedelta], slo: timedelta | None) -> Item:
    """As `--json` shows it."""
    polling = foresight.polling
    told: Item = {
        "source": foresight.source,
        "provider": foresight.provider,
        "policy": polling.policy.value,
        "weight": polling.weight.value,
        "every": format_duration(polling.every),
        "rate": format_rate(foresight.rate),
        "open_invoices": round(foresight.open_invoices),
        "looks_per_day": round(foresight.spent),
        "requests_per_day": round(foresight.requests),
        "rate_used": round(foresight.requests / DAY.total_seconds() / foresight.rate, 3),
        "expected_delay": period(foresight.delay),
        "expected_delay_by_value": period(foresight.delay_by_value),
        "expected_delay_evenly": period(foresight.evenly),
        "changes_learned": foresight.changes_learned,
        "measured_delay": measured(delays),
        "doubt": doubt(foresight, delays),
    }
    return told if slo is None else told | _cost(foresight, slo)


def _cost(foresight: Foresight, slo: timedelta) -> Item:
    """What seeing changes within `slo` on average takes; nulls where `fastest` rules it out."""
    is_adaptive = foresight.polling.policy is Policy.ADAPTIVE
    # The other policies look at all invoices alike, however likely they are to change.
    groups = foresight.groups if is_adaptive else (Group(foresight.open_invoices, UNIFORM.hazards[0]),)
    budget = budget_for(groups, slo, foresight.limits) if foresight.open_invoices else None
    told: Item = {"slo": format_duration(slo)}
    if budget is None:
        return told | dict.fromkeys(("needed_every", "needed_requests_per_day", "needed_rate"))
    needed = budget / PROVIDERS[foresight.provider].batch_size
    return told | {
        "needed_every": period(foresight.open_invoices / budget * DAY),
        "needed_requests_per_day": round(needed),
        "needed_rate": _rate_text(needed / DAY.total_seconds() / RATE_SHARE),
    }


def doubt(foresight: Foresight, delays: Sequence[timedelta]) -> str | None:
    """A sentence where expectation and measurement part."""
    if foresight.delay is None or len(delays) < _MANY:
        return None
    seen = sorted(delays)[len(delays) // 2]
    if seen <= _FAR * foresight.delay + _MINUTE:
        return None
    return (
        f"{foresight.source}: half of the changes were seen later than {period(seen)}, expected are "
        f"{period(foresight.delay)} on average: is the account failing, is the rate too low, or are changes dated back?"
    )


def period(length: timedelta | None) -> str | None:
    """To a thousandth or so, as people say it."""
    if length is None:
        return None
    step = timedelta(seconds=1) if length < timedelta(hours=1) else _MINUTE
    return format_duration(round(length / step) * step) if length >= step else format_duration(length)


def _rate_text(rate: float) -> str:
    """The next rate that can be configured."""
    unit, seconds = next((unit, seconds) for unit, seconds in _UNITS if rate * seconds >= 1 or unit == "h")
    return f"{max(1, ceil(rate * seconds))}/{unit}"
