"""How a budget of polls is spread over open invoices, and what that promises."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.scheduling.allocation import (
    UNSEEN,
    Census,
    HazardGroup,
    Limits,
    WeightedGroup,
    allocate,
    budget_for,
    budget_of,
    interval_rule,
)
from watcher.core.scheduling.hazard import DAY, Tally, due_hour, stage_at

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
EVERY = timedelta(minutes=15)
WIDE = Limits(EVERY, timedelta(seconds=1), timedelta(days=3650))
USUAL = Limits(EVERY, timedelta(minutes=1), timedelta(hours=24))
GROUPS = st.lists(st.builds(WeightedGroup, st.integers(1, 10_000), st.floats(1e-4, 10)), min_size=1, max_size=20)
LIMITS = st.builds(
    Limits,
    st.integers(30, 200_000).map(lambda seconds: timedelta(seconds=seconds)),
    st.integers(1, 600).map(lambda seconds: timedelta(seconds=seconds)),
    st.integers(600, 400_000).map(lambda seconds: timedelta(seconds=seconds)),
)
HAZARD_GROUPS = st.builds(
    HazardGroup, st.sampled_from(["draft", "open"]), st.none() | st.integers(490_000, 505_000), st.none(), st.none()
)
CENSUS = st.dictionaries(HAZARD_GROUPS, st.integers(1, 1000), min_size=1, max_size=30)


def due_in(days: float, *, worth: int | None = None, currency: str = "EUR") -> HazardGroup:
    return HazardGroup("open", due_hour(NOW + days * DAY), None if worth is None else currency, worth)


def learned(hazards: Mapping[float, int]) -> Mapping[str, Mapping[int, Tally]]:
    """So many changes in a thousand days, by days after the due instant."""
    return {"open": {stage_at(days): Tally(events, 1000.0) for days, events in hazards.items()}}


@given(groups=GROUPS, limits=LIMITS, rate=st.floats(0.01, 100), batch_size=st.sampled_from([1, 25, 200]))
def test_the_budget_is_never_exceeded(
    groups: Sequence[WeightedGroup], limits: Limits, rate: float, batch_size: int
) -> None:
    count = sum(group.count for group in groups)
    budget = budget_of(count, limits, rate=rate, batch_size=batch_size)
    placed = interval_rule(groups, budget, limits)
    assert placed.polls_per_day(groups) <= budget * (1 + 1e-6)
    assert budget <= count / (limits.every / DAY) * (1 + 1e-9), "fixed would spend as much"
    assert budget <= 0.9 * rate * batch_size * 86_400 * (1 + 1e-9)


@given(groups=GROUPS, limits=LIMITS)
def test_the_whole_budget_is_spent_where_the_limits_allow_it(groups: Sequence[WeightedGroup], limits: Limits) -> None:
    budget = budget_of(sum(group.count for group in groups), limits, rate=10_000, batch_size=200)
    placed = interval_rule(groups, budget, limits)
    assert isclose(placed.polls_per_day(groups), budget, rel_tol=1e-6)


@given(open_there=CENSUS, limits=LIMITS, jitter=st.floats(0, 0.999))
def test_with_nothing_learned_each_invoice_is_polled_as_fixed_would(
    open_there: Mapping[HazardGroup, int], limits: Limits, jitter: float
) -> None:
    allocation = allocate(Census(open_there, {}), NOW, limits, rate=10_000, batch_size=200)
    for hazard_group in (*open_there, UNSEEN):
        at = allocation.next_poll(hazard_group, NOW, jitter)
        expected = limits.every * (0.95 + 0.1 * jitter)
        assert abs(at - NOW - expected) <= timedelta(microseconds=2)


@given(groups=GROUPS, limits=LIMITS)
def test_no_interval_leaves_its_limits(groups: Sequence[WeightedGroup], limits: Limits) -> None:
    count = sum(group.count for group in groups)
    placed = interval_rule(groups, count / (limits.every / DAY), limits)
    for group in groups:
        days = placed.days(group.intensity)
        assert days >= min(limits.fastest, limits.every) / DAY * (1 - 1e-9)
        assert days <= max(limits.slowest, limits.every) / DAY * (1 + 1e-9)


@given(groups=GROUPS, limits=LIMITS, less=st.floats(1e-4, 10), factor=st.floats(1, 100))
def test_what_is_likelier_or_worth_more_is_never_polled_more_rarely(
    groups: Sequence[WeightedGroup], limits: Limits, less: float, factor: float
) -> None:
    placed = interval_rule(groups, sum(group.count for group in groups) / (limits.every / DAY), limits)
    assert placed.days(less * factor) <= placed.days(less)


@given(groups=GROUPS)
def test_the_expected_delay_is_the_planner_s_formula(groups: Sequence[WeightedGroup]) -> None:
    budget = budget_of(sum(group.count for group in groups), WIDE, rate=1e6, batch_size=1)
    roots = sum(group.count * sqrt(group.intensity) for group in groups)
    rates = sum(group.count * group.intensity for group in groups)
    delay = interval_rule(groups, budget, Limits(EVERY, timedelta(microseconds=1), WIDE.slowest)).delay(groups)
    assert delay is not None
    assert isclose(delay / DAY, roots**2 / (2 * budget * rates), rel_tol=1e-3, abs_tol=1e-10)


@given(groups=GROUPS, hours=st.floats(0.2, 10))
def test_a_delay_costs_the_budget_that_buys_it(groups: Sequence[WeightedGroup], hours: float) -> None:
    wanted = timedelta(hours=hours)
    budget = budget_for(groups, wanted, USUAL)
    assert budget is not None
    every = sum(group.count for group in groups) / budget * DAY
    bought = interval_rule(groups, budget, Limits(every, USUAL.fastest, USUAL.slowest)).delay(groups)
    assert bought is not None
    assert bought <= wanted + timedelta(seconds=1)


def test_a_delay_that_fastest_rules_out_has_no_price() -> None:
    assert budget_for([WeightedGroup(10, 1.0)], timedelta(seconds=5), USUAL) is None
    assert budget_for([], timedelta(hours=1), USUAL) == 0


def test_invoices_near_the_due_date_get_the_polls_of_those_far_from_it() -> None:
    census = Census({due_in(0.5): 100, due_in(20): 100}, learned({-0.5: 200, -20: 2}))
    allocation = allocate(census, NOW, USUAL, rate=100, batch_size=1)
    near, far = (allocation.interval(due_in(days), NOW) for days in (0.5, 20))
    assert near < EVERY < far
    assert isclose((1 / (near / DAY) + 1 / (far / DAY)) * 100, allocation.budget, rel_tol=1e-6)


def test_a_poll_is_planned_by_what_lies_ahead() -> None:
    """From the quiet day before the due day an interval reaches into it, and ends the sooner for that."""
    census = Census({due_in(1.2): 10, due_in(0.5): 10}, learned({-0.5: 800, -1.5: 1}))
    allocation = allocate(
        census, NOW, Limits(timedelta(hours=6), timedelta(minutes=1), timedelta(days=2)), rate=9, batch_size=1
    )
    quiet = allocation.interval_rule.days(allocation.curve(due_in(1.2)).hazards[stage_at(-1.2)])
    assert allocation.interval(due_in(1.2), NOW) < quiet * DAY / 2


def test_what_is_worth_four_times_as_much_is_polled_twice_as_often() -> None:
    census = Census({due_in(5, worth=40): 50, due_in(5, worth=48): 50}, {})
    weighted = allocate(census, NOW, USUAL, rate=100, batch_size=1, weighted=True)
    small, large = (weighted.interval(due_in(5, worth=worth), NOW) for worth in (40, 48))
    assert isclose(small / large, 2, rel_tol=1e-6)
    plain = allocate(census, NOW, USUAL, rate=100, batch_size=1)
    assert plain.interval(due_in(5, worth=48), NOW) == EVERY


def test_currencies_are_compared_with_themselves_alone() -> None:
    yen = {due_in(5, worth=worth, currency="JPY"): 50 for worth in (68, 76)}
    euros = {due_in(5, worth=worth): 50 for worth in (40, 48)}
    allocation = allocate(Census(yen | euros, {}), NOW, USUAL, rate=100, batch_size=1, weighted=True)
    assert isclose(
        allocation.interval(due_in(5, worth=68, currency="JPY"), NOW) / allocation.interval(due_in(5, worth=40), NOW),
        1,
        rel_tol=1e-9,
    )


def test_an_account_that_puts_us_off_is_asked_less() -> None:
    census = Census({due_in(5): 100}, {}, share=0.7)
    allocation = allocate(census, NOW, USUAL, rate=100, batch_size=1)
    assert isclose(allocation.interval(due_in(5), NOW) / EVERY, 1 / 0.7, rel_tol=1e-6)


@pytest.mark.parametrize(("batch_size", "polls_per_day"), [(1, 0.9 * 2 * 86_400), (25, 50_000 * 96 / 4)])
def test_the_rate_is_a_cap_and_batches_lift_it(batch_size: int, polls_per_day: float) -> None:
    limits = Limits(timedelta(hours=1), USUAL.fastest, USUAL.slowest)
    assert isclose(budget_of(50_000, limits, rate=2, batch_size=batch_size), polls_per_day)
