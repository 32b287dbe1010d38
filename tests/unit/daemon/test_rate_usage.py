"""The requests of the last quarter of an hour, by source."""

from datetime import datetime, timedelta

from tests.fakes.clock import FakeClock
from watcher.daemon.rate_usage import RateUsage
from watcher.ports import UNOBSERVED, EventRecord, PollOutcome


class Heard:
    """Notes what is reported to it."""

    def __init__(self) -> None:
        self.observed: list[object] = []

    def requested(self, source: str, now: datetime) -> None:
        self.observed.append((source, now))

    def polled(self, source: str, outcome: PollOutcome, count: int) -> None:
        self.observed.append((source, outcome, count))

    def recorded(self, event: EventRecord) -> None:
        self.observed.append(event)


def test_requests_are_counted_by_source_and_forgotten_after_a_quarter_of_an_hour() -> None:
    clock = FakeClock()
    usage = RateUsage(UNOBSERVED, clock)
    assert usage.requests() == {}
    for _ in range(3):
        usage.requested("acme", clock.now())
    clock.instant += timedelta(minutes=10)
    usage.requested("acme", clock.now())
    usage.requested("shop", clock.now())
    assert usage.requests() == {"acme": 4, "shop": 1}
    clock.instant += timedelta(minutes=5)
    assert usage.requests() == {"acme": 1, "shop": 1}
    clock.instant += timedelta(minutes=10)
    assert usage.requests() == {}
    usage.requested("acme", clock.now())
    assert usage.requests() == {"acme": 1}


def test_whoever_counts_for_good_hears_all_of_it() -> None:
    heard = Heard()
    clock = FakeClock()
    usage = RateUsage(heard, clock)
    usage.requested("acme", clock.now())
    usage.polled("acme", PollOutcome.FAILED, 2)
    assert heard.observed == [("acme", clock.now()), ("acme", PollOutcome.FAILED, 2)]
