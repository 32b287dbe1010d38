"""When to poll next."""

from datetime import timedelta

from tests.fakes.invoices import START
from watcher.core.scheduling.intervals import (
    PollRules,
    after_failure,
    after_miss,
    given_back,
    is_deleted,
    next_probe,
    settled_at,
    throttled,
)

RULES = PollRules(
    every=timedelta(minutes=15),
    slowest=timedelta(hours=24),
    confirm_deleted=timedelta(minutes=10),
    keep_settled=timedelta(days=90),
)
MIDDLE = 0.5


def test_settled_invoices_are_polled_ever_more_slowly_and_then_no_more() -> None:
    waits = [
        (settled_at(START + age, START, RULES, MIDDLE) or START) - (START + age)
        for age in (timedelta(0), timedelta(hours=4), timedelta(days=8), timedelta(days=80))
    ]
    assert waits == [timedelta(minutes=15), timedelta(hours=1), timedelta(days=2), timedelta(days=7)]
    assert settled_at(START + timedelta(days=90), START, RULES, MIDDLE) is None


def test_three_misses_confirm_a_deletion_in_no_less_than_the_configured_time() -> None:
    second = after_miss(START, RULES)
    third = after_miss(second, RULES)
    assert third - START == RULES.confirm_deleted
    assert is_deleted(3, START, third, RULES)
    assert not is_deleted(3, START, third - timedelta(seconds=1), RULES)
    assert not is_deleted(2, START, third, RULES)


def test_failures_back_off_to_an_hour() -> None:
    waits = [after_failure(START, failures, RULES, MIDDLE) - START for failures in (1, 2, 3, 40)]
    assert waits == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2), timedelta(hours=1)]


def test_probes_back_off_to_five_minutes() -> None:
    waits = [next_probe(START, probes, MIDDLE) - START for probes in (0, 1, 30)]
    assert waits == [timedelta(seconds=5), timedelta(seconds=10), timedelta(minutes=5)]


def test_jitter_moves_a_poll_by_at_most_a_twentieth() -> None:
    early, late = (after_failure(START, 1, RULES, jitter) - START for jitter in (0.0, 0.999999))
    assert early == timedelta(seconds=28.5)
    assert timedelta(seconds=31.4) < late < timedelta(seconds=31.5)


def test_an_account_that_put_us_off_gets_its_requests_back_slowly() -> None:
    share = throttled(1.0)
    assert share == 0.7
    assert [round(given_back(share, timedelta(minutes=late)), 3) for late in (0, 10, 29, 30, 600)] == [
        0.7, 0.8, 0.99, 1.0, 1.0,
    ]  # fmt: skip
    assert round(throttled(share), 3) == 0.49
    assert throttled(0.01) == 0.05, "an account is never asked nothing at all"
    assert given_back(share, -timedelta(hours=1)) == 0.7
