from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import START
from watcher.core.invoices.event import EventType
from watcher.core.webhooks.endpoint_health import (
    DISABLED_AFTER,
    FIRST_PROBE_AFTER,
    LONGEST_BETWEEN_PROBES,
    OPENS_AFTER,
    Answer,
    EndpointFact,
    Health,
    Reason,
    after,
    disable,
    enable,
    spacing,
)

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
JITTER = st.floats(0, 1, exclude_max=True)
Receipts = list[tuple[Answer, int, timedelta, float]]
RECEIPTS = st.lists(
    st.tuples(
        st.sampled_from([Answer.FAILED] * 8 + [Answer.ACCEPTED, Answer.GONE]),
        st.integers(1, 3),
        st.timedeltas(timedelta(0), timedelta(days=3)),
        JITTER,
    ),
    max_size=60,
)


def failing(count: int, health: Health | None = None, *, lanes: int = 10, gap: timedelta = SECOND) -> Health:
    health = health or Health()
    for number in range(count):
        at = START + number * gap
        health, _ = after(health, Answer.FAILED, lane=number % lanes, at=at, probe=False, jitter=0.5)
    return health


def probed(health: Health, answer: Answer, *, lane: int = 1) -> tuple[Health, EndpointFact | None]:
    assert health.probe_at is not None
    return after(health, answer, lane=lane, at=health.probe_at, probe=True, jitter=0.5)


def test_it_opens_after_so_many_failures_in_a_row_and_not_before() -> None:
    assert failing(OPENS_AFTER - 1).takes_all
    opened = failing(OPENS_AFTER)
    last_at = START + (OPENS_AFTER - 1) * SECOND
    assert not opened.takes_all
    assert (opened.disabled, opened.failing_since) == (None, START)
    assert opened.probe_at is not None
    assert last_at + FIRST_PROBE_AFTER * 0.8 <= opened.probe_at <= last_at + FIRST_PROBE_AFTER


def test_a_success_between_begins_the_count_again() -> None:
    health = failing(OPENS_AFTER - 1)
    health, fact = after(health, Answer.ACCEPTED, lane=1, at=START, probe=False, jitter=0)
    assert (health, fact) == (Health(), None)
    assert failing(OPENS_AFTER - 1, health).takes_all


def test_one_invoice_that_fails_over_and_over_opens_nothing() -> None:
    health = failing(1000, lanes=1)
    assert health.takes_all
    assert health.failures == 1


def test_failures_days_apart_are_no_row() -> None:
    health = failing(100, gap=3 * DAY)
    assert health.takes_all
    assert (health.failures, health.failing_since) == (1, START + 99 * 3 * DAY)


def test_probes_come_ever_more_rarely_and_at_least_every_hour() -> None:
    health, gaps = failing(OPENS_AFTER), list[timedelta]()
    for _ in range(12):
        before = health.probe_at
        health, fact = probed(health, Answer.FAILED)
        assert before is not None
        assert health.probe_at is not None
        assert fact is None
        gaps.append(health.probe_at - before)
    assert gaps == sorted(gaps)
    assert gaps[0] == FIRST_PROBE_AFTER * 2 * 0.9
    assert gaps[-1] == LONGEST_BETWEEN_PROBES * 0.9


@given(st.integers(0, 10_000), JITTER)
def test_the_spacing_is_never_shorter_or_longer_than_it_says(probes: int, jitter: float) -> None:
    assert FIRST_PROBE_AFTER * 0.8 <= spacing(probes, jitter) <= LONGEST_BETWEEN_PROBES


def test_attempts_that_were_under_way_when_it_opened_do_not_move_the_probe() -> None:
    opened = failing(OPENS_AFTER)
    later, fact = after(opened, Answer.FAILED, lane=99, at=START + 20 * SECOND, probe=False, jitter=0.9)
    assert (later.probe_at, later.probes, fact) == (opened.probe_at, opened.probes, None)


def test_a_probe_that_arrives_closes_it_and_nothing_is_recorded() -> None:
    assert probed(failing(OPENS_AFTER), Answer.ACCEPTED) == (Health(), None)


def test_five_days_of_nothing_but_failures_disable_it_and_it_is_recorded_once() -> None:
    health, facts = failing(OPENS_AFTER), list[EndpointFact]()
    while health.probe_at is not None and health.probe_at < START + 2 * DISABLED_AFTER:
        health, fact = probed(health, Answer.FAILED)
        if fact is not None:
            assert health.failed_at is not None
            assert DISABLED_AFTER <= health.failed_at - START <= DISABLED_AFTER + LONGEST_BETWEEN_PROBES
            facts.append(fact)
    assert facts == [EndpointFact(EventType.ENDPOINT_DISABLED, "failing", START)]
    assert (health.disabled, health.disabled_since) == (Reason.FAILING, START)
    assert probed(health, Answer.ACCEPTED) == (
        Health(),
        EndpointFact(EventType.ENDPOINT_RECOVERED, "answers again", START),
    )


def test_an_endpoint_with_a_single_invoice_is_given_up_after_five_days_too() -> None:
    health = failing(121, lanes=1, gap=timedelta(hours=1))
    assert (health.disabled, health.failing_since) == (Reason.FAILING, START)
    assert health.probe_at is not None


def test_gone_disables_at_once_and_only_enabling_ends_it() -> None:
    gone, fact = after(Health(), Answer.GONE, lane=1, at=START, probe=False, jitter=0)
    assert fact == EndpointFact(EventType.ENDPOINT_DISABLED, "gone", START)
    assert (gone.disabled, gone.probe_at) == ("gone", None)
    for answer in Answer:
        assert after(gone, answer, lane=2, at=START + SECOND, probe=False, jitter=0) == (gone, None)
    enabled = enable(gone)
    assert enabled.takes_all
    _, recovered = after(enabled, Answer.ACCEPTED, lane=1, at=START + DAY, probe=False, jitter=0)
    assert recovered == EndpointFact(EventType.ENDPOINT_RECOVERED, "answers again", START)


def test_gone_again_after_enabling_is_recorded_again() -> None:
    gone, _ = after(Health(), Answer.GONE, lane=1, at=START, probe=False, jitter=0)
    _, fact = after(enable(gone), Answer.GONE, lane=1, at=START + DAY, probe=False, jitter=0)
    assert fact == EndpointFact(EventType.ENDPOINT_DISABLED, "gone", START + DAY)


@pytest.mark.parametrize("reason", ["gone", "operator"])
def test_who_switches_a_failing_endpoint_off_ends_its_probes_too(reason: str) -> None:
    given_up = replace(failing(OPENS_AFTER), disabled=Reason.FAILING, disabled_since=START)
    stopped, fact = disable(given_up, reason, START + DAY)
    assert (stopped.disabled, stopped.probe_at, stopped.disabled_since, fact) == (reason, None, START, None)


@given(RECEIPTS)
def test_whatever_comes_back_the_state_makes_sense_and_what_is_recorded_alternates(receipts: Receipts) -> None:
    health, at, recorded = Health(), START, list[EndpointFact]()
    for answer, lane, gap, jitter in receipts:
        at += gap
        probe = health.probe_at is not None and health.probe_at <= at
        health, fact = after(health, answer, lane=lane, at=at, probe=probe, jitter=jitter)
        recorded += [fact] if fact else []
        assert (health.failing_since is None) == (health.failures == 0)
        assert (health.probe_at is not None) <= (health.disabled in {None, Reason.FAILING})
        assert (health.disabled == Reason.FAILING) <= (health.probe_at is not None)
        assert (health.disabled is not None) <= (health.disabled_since is not None)
        assert health.probe_at is None or health.probe_at > at - LONGEST_BETWEEN_PROBES or not probe
    kinds = [fact.type for fact in recorded]
    assert kinds == [
        (EventType.ENDPOINT_DISABLED, EventType.ENDPOINT_RECOVERED)[place % 2] for place in range(len(kinds))
    ]
    assert all(first.since == second.since for first, second in zip(recorded[::2], recorded[1::2], strict=False))
    assert len({(fact.type, fact.since) for fact in recorded}) == len(recorded)


@given(RECEIPTS)
def test_after_a_success_nothing_is_held_against_an_endpoint_that_nobody_stopped(receipts: Receipts) -> None:
    health, at = Health(), START
    for answer, lane, gap, jitter in receipts:
        at += gap
        health, _ = after(health, answer, lane=lane, at=at, probe=True, jitter=jitter)
    stopped = health.disabled == Reason.GONE
    health, _ = after(health, Answer.ACCEPTED, lane=1, at=at, probe=False, jitter=0)
    assert health.takes_all is not stopped
