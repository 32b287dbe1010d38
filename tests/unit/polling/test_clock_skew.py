"""Our clock against the providers'."""

from datetime import timedelta

from tests.fakes.clock import START
from watcher.polling.clock_skew import LIMIT, SkewGuard


def test_a_clock_off_from_most_providers_holds_clock_events() -> None:
    guard = SkewGuard()
    guard.note_date("one", START - timedelta(minutes=6), START)
    guard.note_date("two", START - timedelta(minutes=6), START)
    guard.note_date("wrong", START + timedelta(hours=3), START)
    assert guard.holds(START)
    assert guard.skew(START) == timedelta(minutes=6)


def test_one_provider_with_a_wrong_clock_holds_nothing() -> None:
    guard = SkewGuard()
    guard.note_date("one", START, START)
    guard.note_date("two", START, START)
    guard.note_date("wrong", START + timedelta(hours=3), START)
    assert not guard.holds(START)


def test_nobody_sent_the_time_lately_holds_nothing() -> None:
    guard = SkewGuard()
    assert not guard.holds(START)
    guard.note_date("one", START - timedelta(hours=2), START)
    assert guard.holds(START)
    assert not guard.holds(START + timedelta(hours=2))


def test_a_clock_that_jumps_ahead_is_held_until_a_provider_sends_the_time() -> None:
    guard = SkewGuard()
    guard.note_date("acme", START, START)
    guard.tick(START)
    assert not guard.holds(START)
    later = START + timedelta(days=300)
    guard.tick(later)
    assert guard.holds(later)
    guard.note_date("acme", START, later)
    assert guard.holds(later)
    guard.note_date("acme", later, later)
    assert not guard.holds(later)


def test_a_clock_that_jumped_is_trusted_after_a_while_where_nobody_sends_the_time() -> None:
    guard = SkewGuard()
    guard.tick(START)
    later = START + timedelta(days=1)
    guard.tick(later)
    assert guard.holds(later + LIMIT)
    assert not guard.holds(later + LIMIT + timedelta(seconds=1))
