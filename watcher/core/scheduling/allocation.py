"""κ, and what follows from it: when each invoice of a source is looked at, and how late changes are seen.

Looks at all invoices together make `budget`: those that looking at each of them every `every` would make, and no more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import sqrt

from watcher.core.scheduling import value_weight
from watcher.core.scheduling.hazard import DAY, UNIFORM, Curve, Tally, days_after, stage_at
from watcher.core.scheduling.intervals import jittered

RATE_SHARE = 0.9
"""Of the rate: a load near 1 makes a queue, and settled invoices, tokens and retries live in what is left."""
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class HazardGroup:
    """All that scheduling needs to know of an invoice. `status` is None before the first snapshot."""

    status: str | None = None
    due_hour: int | None = None
    currency: str | None = None
    worth: int | None = None


UNSEEN = HazardGroup()


@dataclass(frozen=True, slots=True)
class Limits:
    """`every` is the interval at which all looked at equally would be looked at; the others bind each interval."""

    every: timedelta
    fastest: timedelta
    slowest: timedelta


@dataclass(frozen=True, slots=True)
class WeightedGroup:
    """Open invoices whose hazard and weight are alike. `intensity` is w·h, a day."""

    count: float
    intensity: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class IntervalRule:
    """How a budget of looks a day is spread over groups: intervals are κ / √(w·h) days, between `shortest`, `longest`.

    `effort` is κ.
    """

    effort: float
    shortest: float
    longest: float

    def days(self, intensity: float) -> float:
        return min(max(self.effort / sqrt(intensity), self.shortest), self.longest)

    def looks(self, groups: Iterable[WeightedGroup]) -> float:
        """Looks a day."""
        return sum(group.count / self.days(group.intensity) for group in groups)

    def delay(self, groups: Iterable[WeightedGroup], *, by_value: bool = False) -> timedelta | None:
        """The mean from a change to the look that finds it; None where there are no invoices.

        Half an interval, over all changes: (Σ√(w·h))² / (2·budget·Σw·h) where no interval is bound.
        """
        late = changes = 0.0
        for group in groups:
            rate = group.count * (group.intensity if by_value else group.intensity / group.weight)
            late += rate * self.days(group.intensity) / 2
            changes += rate
        return late / changes * DAY if changes else None


def interval_rule(groups: Iterable[WeightedGroup], budget: float, limits: Limits) -> IntervalRule:
    """Place `budget` looks a day where they find changes soonest.

    `every` is never out of bounds, and where the budget cannot hold everything within `slowest`, everything waits.
    """
    groups = tuple(groups)
    open_invoices = sum(group.count for group in groups)
    equally = open_invoices / budget if budget and open_invoices else limits.every / DAY
    shortest = min(limits.fastest / DAY, equally)
    longest = max(limits.slowest / DAY, equally)
    roots = sum(group.count * sqrt(group.intensity) for group in groups)
    effort = roots / budget if budget and roots else equally * sqrt(UNIFORM.hazards[0])
    free = IntervalRule(effort, shortest, longest)
    if all(shortest <= effort / sqrt(group.intensity) <= longest for group in groups):
        return free
    return _bound(groups, budget, free)


def _bound(groups: tuple[WeightedGroup, ...], budget: float, free: IntervalRule) -> IntervalRule:
    """What the limits take from some invoices, or force upon them, is made up for by the others."""
    low = free.shortest * sqrt(min(group.intensity for group in groups))
    high = free.longest * sqrt(max(group.intensity for group in groups))
    for _ in range(_HALVINGS):
        middle = sqrt(low * high)
        if IntervalRule(middle, free.shortest, free.longest).looks(groups) > budget:
            low = middle
        else:
            high = middle
        if high / low < 1 + 1e-9:
            break
    return IntervalRule(high, free.shortest, free.longest)


def budget_of(open_invoices: float, limits: Limits, *, rate: float, batch_size: int, share: float = 1.0) -> float:
    """Looks a day: what `every` makes of the open invoices, or what the rate (requests a second) allows of it.

    `share` is what an account that put us off gets of it for the time being.
    """
    allowed = RATE_SHARE * rate * batch_size * DAY.total_seconds()
    return share * min(allowed, open_invoices / (limits.every / DAY))


def budget_for(groups: Iterable[WeightedGroup], delay: timedelta, limits: Limits) -> float | None:
    """The budget, in looks a day, whose expected delay is `delay`; None where the limits rule it out."""
    groups = tuple(groups)
    if not groups:
        return 0.0
    count = sum(group.count for group in groups)
    low, high = 1e-6, count / max(limits.fastest / DAY, 1e-9)

    def expected(budget: float) -> timedelta:
        placed = interval_rule(groups, budget, Limits(count / budget * DAY, limits.fastest, limits.slowest))
        return placed.delay(groups) or timedelta(0)

    if expected(high) > delay:
        return None
    for _ in range(_HALVINGS):
        middle = sqrt(low * high)
        low, high = (middle, high) if expected(middle) > delay else (low, middle)
    return high


@dataclass(frozen=True, slots=True)
class Census:
    """What a source has open and what its provider's invoices have taught; `share` as in `budget_of`."""

    open: Mapping[HazardGroup, int]
    learned: Mapping[str, Mapping[int, Tally]]
    """By status and stage."""
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class PollAllocation:
    """When to look at which open invoice of one source, until the next census."""

    curves: Mapping[str, Curve]
    interval_rule: IntervalRule
    budget: float
    groups: tuple[WeightedGroup, ...] = ()
    mean_values: Mapping[str, float] = field(default_factory=dict[str, float])
    """Empty where invoices are not weighted."""

    def next_poll(self, hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
        return now + jittered(self.interval(hazard_group, now), jitter)

    def interval(self, hazard_group: HazardGroup, now: datetime) -> timedelta:
        return (
            min(max(self.free_days(hazard_group, now), self.interval_rule.shortest), self.interval_rule.longest) * DAY
        )

    def free_days(self, hazard_group: HazardGroup, now: datetime) -> float:
        """The interval as it would be without limits."""
        effort = self.interval_rule.effort / sqrt(self.weight(hazard_group))
        return self.curve(hazard_group).days_until(effort, days_after(hazard_group.due_hour, now))

    def curve(self, hazard_group: HazardGroup) -> Curve:
        return self.curves.get(hazard_group.status or "", UNIFORM)

    def weight(self, hazard_group: HazardGroup) -> float:
        return value_weight.weight(hazard_group.currency, hazard_group.worth, self.mean_values)


def allocate(
    census: Census, now: datetime, limits: Limits, *, rate: float, batch_size: int, weighted: bool = False
) -> PollAllocation:
    """The course of a source by what is open there now."""
    curves = {status: Curve.learned(tallies) for status, tallies in census.learned.items()}
    valued = ((one.currency, one.worth, count) for one, count in census.open.items() if weighted)
    mean_values = value_weight.means(valued)
    merged: dict[tuple[str | None, int, float], int] = {}
    for one, count in census.open.items():
        stage = stage_at(days_after(one.due_hour, now))
        key = (one.status, stage, value_weight.weight(one.currency, one.worth, mean_values))
        merged[key] = merged.get(key, 0) + count
    groups = tuple(
        WeightedGroup(count, weight * curves.get(status or "", UNIFORM).hazards[stage], weight)
        for (status, stage, weight), count in merged.items()
    )
    budget = budget_of(sum(merged.values()), limits, rate=rate, batch_size=batch_size, share=census.share)
    return PollAllocation(curves, interval_rule(groups, budget, limits), budget, groups, mean_values)
