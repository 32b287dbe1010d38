"""Our clock against the providers'."""

from datetime import timedelta

from tests.fakes.clock import START
from watcher.polling.skew import SkewGuard


def test_a_clock_off_from_most_providers_holds_clock_events() -> None:
    guard = SkewGuard()
    guard.saw("one", START - timedelta(minutes=6), START)
    guard.saw("two", START - timedelta(minutes=6), START)
    guard.saw("wrong", START + timedelta(hours=3), START)
    assert guard.holds(START)
    assert guard.skew(START) == timedelta(minutes=6)


def test_one_provider_with_a_wrong_clock_holds_nothing() -> None:
    guard = SkewGuard()
    guard.saw("one", START, START)
    guard.saw("two", START, START)
    guard.saw("wrong", START + timedelta(hours=3), START)
    assert not guard.holds(START)


def test_nobody_told_the_time_lately_holds_nothing() -> None:
    guard = SkewGuard()
    assert not guard.holds(START)
    guard.saw("one", START - timedelta(hours=2), START)
    assert guard.holds(START)
    assert not guard.holds(START + timedelta(hours=2))
