"""What the √-hazard clock is measured against: well-known heuristics at the same budget, and the exact optimum."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

from tests.benchmarks.receivables import STARTS_AT, Life
from watcher.core.scheduling.allocation import (
    Census,
    HazardGroup,
    Limits,
    PollAllocation,
    WeightedGroup,
    allocate,
    interval_rule,
)
from watcher.core.scheduling.hazard import DAY, Curve, Tally, days_after, due_hour, stage_at
from watcher.core.scheduling.intervals import jittered
from watcher.polling import AdaptivePolicy

_LADDER = ((-7, 1.0), (-1, 4.0), (3, 24.0), (16, 6.0), (inf, 1.0))
"""(until days after the due instant, polls a day): what somebody sets up by hand who expects payment when it is due."""
_GRID = 240
"""Instants a day at which the optimum may poll."""
_SAMPLED, _FITTED = 5, 3
_FIRST, _LAST = -61, 61
"""Days after the due instant between which every invoice lives."""


@dataclass(slots=True)
class Ranked(AdaptivePolicy):
    """Intervals in proportion to 1 / rank, scaled so that all together make the same number of polls as `every`."""

    rank: Callable[[Curve, float], float] = lambda _curve, _days: 1.0

    def next_poll(self, hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
        if self.allocation is None:
            return now + jittered(self.limits.every, jitter)
        days = days_after(hazard_group.due_hour, now) or 0.0
        rank = self.rank(self.allocation.curve(hazard_group), days)
        return now + jittered(self.allocation.interval_rule.days(rank**2) * DAY, jitter)


def proportional(curve: Curve, days_after_due: float) -> float:
    """As often as it changes: twice as likely to change is polled twice as often."""
    return curve.hazards[stage_at(days_after_due)]


def ladder(curve: Curve, days_after_due: float) -> float:
    del curve
    return next(polls for until, polls in _LADDER if days_after_due < until)


def ranked_allocation(adaptive_policy: Ranked, census: Census, now: datetime) -> PollAllocation:
    """The course by whose spread a `Ranked` tempo goes: intervals are κ / √(rank²)."""
    allocation = allocate(
        census, now, adaptive_policy.limits, rate=adaptive_policy.rate, batch_size=adaptive_policy.batch_size()
    )
    groups: list[WeightedGroup] = []
    for hazard_group, count in census.open.items():
        rank = adaptive_policy.rank(allocation.curve(hazard_group), days_after(hazard_group.due_hour, now) or 0.0)
        groups.append(WeightedGroup(count, rank**2))
    return replace(
        allocation, groups=tuple(groups), interval_rule=interval_rule(groups, allocation.budget, adaptive_policy.limits)
    )


class Optimum:
    """The best times to poll that there are, by dynamic programming, for somebody who knows every stage's hazard.

    Of all schedules it has the least delay for its number of polls: `price` is what a poll may cost in days of delay.
    """

    def __init__(self, tallies: Mapping[int, Tally], limits: Limits) -> None:
        self._step = 1 / _GRID
        self._steps = (_LAST - _FIRST) * _GRID
        self._most = round(limits.slowest / DAY * _GRID)
        curve = Curve.learned(tallies)
        self._hazards = [curve.hazards[stage_at(_FIRST + (at + 0.5) / _GRID)] for at in range(self._steps)]
        self._following: list[int] = []

    def solve(self, price: float) -> None:
        """Backwards over the grid: value[t] is delay and price from t on, of an invoice still open at t."""
        value = [0.0] * (self._steps + self._most + 1)
        self._following = [0] * self._steps
        for at in range(self._steps - 1, -1, -1):
            best, place, alive, late = inf, at + 1, 1.0, 0.0
            for until in range(at + 1, min(at + self._most, self._steps) + 1):
                changes = min(1.0, self._hazards[until - 1] * self._step)
                # Those that changed wait a step more; those that change now wait half of it.
                late += ((1 - alive) + alive * changes / 2) * self._step
                alive *= 1 - changes
                total = late + price + alive * value[until]
                if total < best:
                    best, place = total, until
            value[at], self._following[at] = best, place

    def fit(self, lives: Sequence[Life], polls: int, until: datetime) -> None:
        """Find the price at which these lives are polled so often: polls fall with its root."""
        sample, price = lives[::_SAMPLED], 0.005
        for _ in range(_FITTED):
            self.solve(price)
            price *= (self._polls(sample, until) * len(lives) / len(sample) / polls) ** 2

    def next_poll(self, hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
        del jitter
        days = days_after(hazard_group.due_hour, now)
        assert days is not None
        exact = (days - _FIRST) * _GRID
        at = min(max(int(exact), 0), self._steps - 1)
        return now + (self._following[at] - at) / _GRID * DAY

    def _polls(self, lives: Sequence[Life], until: datetime) -> int:
        made = 0
        for life in lives:
            hazard_group, now = HazardGroup("open", due_hour(life.due_at)), max(life.issued_at, STARTS_AT)
            while now < min(life.paid_at, until):
                now = self.next_poll(hazard_group, now, 0.5)
                made += 1
        return made
