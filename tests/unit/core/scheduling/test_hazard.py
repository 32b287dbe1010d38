"""Learning how likely invoices are to change, and the poll that follows from it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import inf, isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.scheduling.hazard import (
    DAY,
    STAGES,
    UNDATED,
    UNIFORM,
    Curve,
    Exposure,
    Tally,
    days_after,
    due_hour,
    exposures,
    stage_at,
    stage_end,
)

DUE = datetime(2026, 12, 1, tzinfo=UTC)
TALLIES = st.builds(Tally, st.integers(0, 500), st.floats(0, 50_000))
LEARNED = st.dictionaries(st.integers(0, UNDATED), TALLIES, max_size=UNDATED)
WHEN = st.none() | st.floats(-120, 150)
INSTANTS = st.integers(-90 * 86_400, 120 * 86_400).map(lambda seconds: DUE + timedelta(seconds=seconds))


def effort_of(curve: Curve, days: float, when: float | None) -> float:
    """The integral of the hazard's root, stage by stage."""
    if when is None:
        return days * sqrt(curve.hazards[UNDATED])
    effort, at = 0.0, when
    for stage in range(UNDATED):
        until = min(max(stage_end(stage), at), when + days)
        effort += (until - at) * sqrt(curve.hazards[stage])
        at = until
    return effort


@given(learned=LEARNED, effort=st.floats(1e-4, 30), when=WHEN)
def test_the_next_poll_is_the_inverse_of_the_integral(
    learned: Mapping[int, Tally], effort: float, when: float | None
) -> None:
    curve = Curve.learned(learned)
    days = curve.days_until(effort, when)
    assert 0 < days < inf
    assert isclose(effort_of(curve, days, when), effort, rel_tol=1e-6)


@given(learned=LEARNED, when=WHEN, less=st.floats(1e-4, 10), more=st.floats(1e-3, 10))
def test_more_effort_is_a_later_poll(
    learned: Mapping[int, Tally], when: float | None, less: float, more: float
) -> None:
    curve = Curve.learned(learned)
    assert curve.days_until(less, when) < curve.days_until(less + more, when)


@given(learned=LEARNED, when=st.floats(-120, 150), factor=st.floats(1.1, 100))
def test_what_is_likelier_to_change_is_polled_sooner(learned: Mapping[int, Tally], when: float, factor: float) -> None:
    curve = Curve.learned(learned)
    likelier = Curve(tuple(hazard * factor for hazard in curve.hazards))
    assert likelier.days_until(1.0, when) < curve.days_until(1.0, when)


def test_four_times_as_likely_is_polled_twice_as_often() -> None:
    likelier = Curve(tuple(4 * hazard for hazard in UNIFORM.hazards))
    for when in (None, -20.0, 3.0):
        assert isclose(2 * likelier.days_until(0.1, when), UNIFORM.days_until(0.1, when))


def test_with_nothing_learned_every_stage_is_alike() -> None:
    assert set(UNIFORM.hazards) == {0.5 / 15}
    assert len(UNIFORM.hazards) == len(STAGES)


def test_a_stage_is_known_by_its_own_polls_and_a_thin_one_by_its_phase() -> None:
    first, second, far = stage_at(2.5), stage_at(3.5), stage_at(-100)
    curve = Curve.learned({first: Tally(85, 985.0), second: Tally(3, 5.0)})
    assert curve.hazards[first] == 85.5 / 1000
    assert curve.hazards[second] == 88.5 / 1005
    assert curve.hazards[far] == UNIFORM.hazards[far]


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (-100, "before -45d"),
        (-1, "-1d to 0d"),
        (-0.01, "-1d to 0d"),
        (0, "0d to 1d"),
        (12.5, "12d to 13d"),
        (90, "after 90d"),
        (None, "undated"),
    ],
)
def test_stages_are_named_for_the_time_to_the_due_instant(days: float | None, name: str) -> None:
    assert STAGES[stage_at(days)] == name


def test_names_of_stages_are_kept_by_databases_and_never_change_their_meaning() -> None:
    assert len(set(STAGES)) == len(STAGES) == 42
    assert [stage_end(stage) for stage in (0, 1)] == [-45, -30]


@given(since=INSTANTS, length=st.integers(1, 60 * 86_400), changed=st.none() | st.floats(0, 1))
def test_the_time_that_a_poll_teaches_about_is_the_time_until_the_change(
    since: datetime, length: int, changed: float | None
) -> None:
    until = since + timedelta(seconds=length)
    changed_at = None if changed is None else since + (until - since) * changed
    taught = exposures("rapyd", "open", due_hour(DUE), since=since, until=until, changed_at=changed_at)
    total = sum((one.time for one in taught), timedelta(0))
    assert abs(total - ((changed_at or until) - since)) < timedelta(milliseconds=1)
    assert sum(one.events for one in taught) == (changed_at is not None)
    assert [one.stage for one in taught] == sorted({one.stage for one in taught})
    if changed_at is not None:
        assert [one.stage for one in taught if one.events] == [stage_at(days_after(due_hour(DUE), changed_at))]


def test_a_poll_over_a_stage_s_end_teaches_about_both() -> None:
    since, until = DUE - timedelta(hours=6), DUE + timedelta(hours=2)
    assert exposures("rapyd", "open", due_hour(DUE), since=since, until=until, changed_at=None) == (
        Exposure("rapyd", "open", stage_at(-0.5), 0, timedelta(hours=6)),
        Exposure("rapyd", "open", stage_at(0.5), 0, timedelta(hours=2)),
    )


def test_invoices_without_a_due_date_have_a_stage_of_their_own() -> None:
    (taught,) = exposures("rapyd", "open", None, since=DUE, until=DUE + 40 * DAY, changed_at=None)
    assert (STAGES[taught.stage], taught.time) == ("undated", 40 * DAY)


def test_a_clock_that_was_set_back_teaches_nothing() -> None:
    assert exposures("rapyd", "open", None, since=DUE, until=DUE - DAY, changed_at=None) == ()


def test_due_instants_are_kept_to_the_nearest_hour() -> None:
    assert due_hour(None) is None
    hour = due_hour(DUE + timedelta(minutes=29))
    assert hour == due_hour(DUE)
    assert days_after(hour, DUE + 3 * DAY) == 3
