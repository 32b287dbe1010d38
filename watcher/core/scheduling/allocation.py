"""Spreads a source's poll budget over its open invoices: when each one is polled, and the delay that follows.

All polls together make up `budget`: as many as polling each open invoice every `every` would take, and no more. The
rule behind the intervals, and its one number κ (kappa), are explained at `IntervalRule`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import sqrt

from watcher.core.scheduling import value_weight
from watcher.core.scheduling.hazard import DAY, UNIFORM, Curve, Tally, days_after, stage_at
from watcher.core.scheduling.hint_state import HintState
from watcher.core.scheduling.intervals import jittered
from watcher.core.value_object import value_object

RATE_SHARE = 0.9
"""The share of the rate that may be planned: near 1 a queue builds up, and settled invoices, tokens and retries need
room.
"""
_HALVINGS = 60


@value_object
class HazardGroup:
    """What scheduling knows about an invoice; those with equal values form a group.

    `status` is None before the first snapshot.
    """

    status: str | None = None
    due_hour: int | None = None
    currency: str | None = None
    worth: int | None = None


UNSEEN = HazardGroup()


@dataclass(frozen=True, slots=True)
class Limits:
    """`every` is the interval if all invoices were polled equally often; the others bound each interval."""

    every: timedelta
    fastest: timedelta
    slowest: timedelta


@dataclass(frozen=True, slots=True)
class WeightedGroup:
    """Open invoices with similar hazard and weight. `intensity` is weight times hazard, per day."""

    count: float
    intensity: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class IntervalRule:
    """Spreads a budget of polls a day over groups: intervals are κ / √(weight · hazard) days.

    They stay within `shortest` and `longest`. `effort` is κ.
    """

    effort: float
    shortest: float
    longest: float

    def days(self, intensity: float) -> float:
        return min(max(self.effort / sqrt(intensity), self.shortest), self.longest)

    def polls_per_day(self, groups: Iterable[WeightedGroup]) -> float:
        """Polls a day."""
        return sum(group.count / self.days(group.intensity) for group in groups)

    def delay(self, groups: Iterable[WeightedGroup], *, by_value: bool = False) -> timedelta | None:
        """The mean time from a change to the poll that finds it; None without invoices.

        It is half an interval on average over all changes: (Σ√(w·h))² / (2·budget·Σw·h), if no interval is bound.
        """
        late = changes = 0.0
        for group in groups:
            rate = group.count * (group.intensity if by_value else group.intensity / group.weight)
            late += rate * self.days(group.intensity) / 2
            changes += rate
        return late / changes * DAY if changes else None


def interval_rule(groups: Iterable[WeightedGroup], budget: float, limits: Limits) -> IntervalRule:
    """The rule that spends `budget` polls where they find changes soonest.

    `every` always lies within the bounds. If the budget is too small to keep every interval below `slowest`, all wait
    longer.
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
    """Balances the bounds: what they take from some invoices, or force upon them, the others get or give."""
    low = free.shortest * sqrt(min(group.intensity for group in groups))
    high = free.longest * sqrt(max(group.intensity for group in groups))
    for _ in range(_HALVINGS):
        middle = sqrt(low * high)
        if IntervalRule(middle, free.shortest, free.longest).polls_per_day(groups) > budget:
            low = middle
        else:
            high = middle
        if high / low < 1 + 1e-9:
            break
    return IntervalRule(high, free.shortest, free.longest)


def budget_of(open_invoices: float, limits: Limits, *, rate: float, batch_size: int, share: float = 1.0) -> float:
    """Polls a day: what `every` gives for the open invoices, or what the rate allows if that is less.

    `rate` is in requests a second. `share` is the part of it that an account gets for some time after it refused
    requests (429).
    """
    allowed = RATE_SHARE * rate * batch_size * DAY.total_seconds()
    return share * min(allowed, open_invoices / (limits.every / DAY))


def budget_for(groups: Iterable[WeightedGroup], delay: timedelta, limits: Limits) -> float | None:
    """The budget, in polls a day, whose expected delay is `delay`; None if the limits make it impossible."""
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
    """What is open at a source, and what was learned about its provider's invoices; `share` as in `budget_of`."""

    open: Mapping[HazardGroup, int]
    learned: Mapping[str, Mapping[int, Tally]]
    """By status and stage; while hints work, only of changes that they do not bring."""
    share: float = 1.0
    hints: HintState = HintState.OFF


@dataclass(frozen=True, slots=True)
class PollAllocation:
    """When to poll each open invoice of one source, until the next census."""

    curves: Mapping[str, Curve]
    interval_rule: IntervalRule
    budget: float
    groups: tuple[WeightedGroup, ...] = ()
    mean_values: Mapping[str, float] = field(default_factory=dict[str, float])
    """Empty if invoices are not weighted."""

    def next_poll(self, hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
        return now + jittered(self.interval(hazard_group, now), jitter)

    def interval(self, hazard_group: HazardGroup, now: datetime) -> timedelta:
        return (
            min(max(self.free_days(hazard_group, now), self.interval_rule.shortest), self.interval_rule.longest) * DAY
        )

    def free_days(self, hazard_group: HazardGroup, now: datetime) -> float:
        """The interval, in days, that would apply without limits."""
        effort = self.interval_rule.effort / sqrt(self.weight(hazard_group))
        return self.curve(hazard_group).days_until(effort, days_after(hazard_group.due_hour, now))

    def curve(self, hazard_group: HazardGroup) -> Curve:
        return self.curves.get(hazard_group.status or "", UNIFORM)

    def weight(self, hazard_group: HazardGroup) -> float:
        return value_weight.weight(hazard_group.currency, hazard_group.worth, self.mean_values)


def allocate(
    census: Census, now: datetime, limits: Limits, *, rate: float, batch_size: int, weighted: bool = False
) -> PollAllocation:
    """The allocation for what is open at a source now."""
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
