"""The adaptive policy at work: it learns, spends what fixed would spend, and sees changes sooner for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from tests.benchmarks.backends import MemoryBackend, SqlBackend
from tests.benchmarks.freshness import PROVIDER, SOURCE, Row, Run, adaptive, adaptive_plan, steady_plan
from tests.benchmarks.receivables import STARTS_AT, Life, lives
from tests.fakes.clock import START, FakeClock
from tests.fakes.polling import MIDDLE
from watcher.core.errors import StoreUnavailable
from watcher.core.scheduling.allocation import Census, HazardGroup, Limits
from watcher.core.scheduling.hazard import Tally
from watcher.polling import AdaptivePolicy, Tuner
from watcher.store import SqlHazardStats, Store

LIMITS = Limits(timedelta(hours=3), timedelta(minutes=1), timedelta(hours=24))
OPEN = HazardGroup("open")
DAYS = 12


@dataclass
class Survey:
    """Tells of so many open invoices, or that the database is away."""

    count: int | None = 100
    learned: Mapping[str, Mapping[int, Tally]] = field(default_factory=dict[str, Mapping[int, Tally]])

    async def census(self, source: str, provider: str, now: datetime, *, weighted: bool) -> Census:
        del source, provider, now, weighted
        if self.count is None:
            raise StoreUnavailable("the database is away")
        return Census({OPEN: self.count}, self.learned)


def adaptive_policy(rate: float = 100, batch_size: int = 1) -> AdaptivePolicy:
    return AdaptivePolicy(SOURCE, PROVIDER, LIMITS, rate, lambda: batch_size, weighted=False)


async def tuned(one: AdaptivePolicy, survey: Survey) -> timedelta:
    await Tuner(survey, FakeClock()).tune([one])
    return one.next_poll(OPEN, START, MIDDLE) - START


async def simulated(population: Sequence[Life], *, weighted: bool | None) -> Row:
    """By the adaptive policy, or by fixed where `weighted` is None."""
    one = steady_plan(LIMITS) if weighted is None else adaptive(LIMITS, weighted=weighted)
    return await Run("", MemoryBackend(STARTS_AT), one, DAYS).over(population)


def test_until_the_first_allocation_each_invoice_is_polled_every_every() -> None:
    assert adaptive_policy().next_poll(OPEN, START, MIDDLE) == START + LIMITS.every


async def test_with_nothing_learned_it_is_every_too() -> None:
    assert await tuned(adaptive_policy(), Survey()) == LIMITS.every


async def test_a_database_that_is_away_leaves_the_last_allocation_in_force() -> None:
    one = adaptive_policy(rate=100 / 3600 / 24 / 0.9)
    assert await tuned(one, Survey(count=100)) == timedelta(days=1)
    with pytest.raises(StoreUnavailable):
        await tuned(one, Survey(count=None))
    assert one.next_poll(OPEN, START, MIDDLE) == START + timedelta(days=1)


async def test_an_account_that_turns_out_to_have_no_batches_gets_what_its_rate_allows() -> None:
    batched, sizes = adaptive_policy(rate=100 / 86_400 / 0.9), [25, 1]
    one = replace(batched, batch_size=lambda: sizes[0])
    assert await tuned(one, Survey(count=100)) == LIMITS.every
    del sizes[0]
    assert await tuned(one, Survey(count=100)) == timedelta(days=1)


async def test_it_sees_changes_sooner_than_fixed_for_no_more_requests() -> None:
    population = lives(DAYS, 150)
    fixed, ours = await simulated(population, weighted=None), await simulated(population, weighted=False)
    assert 0.95 * fixed.polls < ours.polls <= 1.005 * fixed.polls
    assert ours.mean < 0.7 * fixed.mean


async def test_weighted_by_amount_large_payments_are_seen_soonest_for_no_more_requests() -> None:
    population = lives(DAYS, 150)
    plain, weighted = await simulated(population, weighted=False), await simulated(population, weighted=True)
    assert weighted.polls <= 1.01 * plain.polls
    assert weighted.by_value < plain.by_value


async def test_through_the_database_it_learns_and_polls_as_in_memory(store: Store) -> None:
    population, limits = lives(5, 30), replace(LIMITS, every=timedelta(hours=12))
    one = adaptive_plan(AdaptivePolicy(SOURCE, PROVIDER, limits, 5.0, lambda: 1, weighted=True))
    row = await Run("", SqlBackend(store, SOURCE, STARTS_AT), one, 5).over(population)
    memory = await Run("", MemoryBackend(STARTS_AT), adaptive(limits, weighted=True), 5).over(population)
    assert abs(row.polls / memory.polls - 1) < 0.1
    census = await SqlHazardStats(store).census(SOURCE, PROVIDER, STARTS_AT, weighted=True)
    assert sum(tally.events for tally in census.learned["open"].values()) > 0
    days = sum(tally.days for tally in census.learned["open"].values())
    assert 100 < days < 175, "some thirty invoices were open for five days"
