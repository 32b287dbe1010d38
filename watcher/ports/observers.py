"""What the poller and the dispatcher report to metrics. Nothing else depends on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from watcher.ports.deliveries import Receipt
from watcher.ports.polls import EventRecord


class PollOutcome(StrEnum):
    """How one poll of one invoice ended."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SourceBacklog:
    """A configured source as the database knows it. `lag` is for how long its longest due watch has been due."""

    source: str
    is_up: bool
    lag: timedelta


@dataclass(frozen=True, slots=True)
class EndpointBacklog:
    """What waits for an endpoint, and for how long its oldest event has been known."""

    endpoint: str
    is_up: bool
    waiting: int
    oldest: timedelta


class PollObserver(Protocol):
    def requested(self, source: str, now: datetime) -> None:
        """An HTTP request of any kind is about to leave for the account."""
        ...

    def polled(self, source: str, outcome: PollOutcome, count: int) -> None:
        """Polls were recorded, `count` of them."""
        ...

    def recorded(self, event: EventRecord) -> None:
        """An event became part of the history."""
        ...


class DeliveryObserver(Protocol):
    def attempted(self, endpoint: str, receipt: Receipt) -> None:
        """An attempt ended."""
        ...


class Unobserved:
    """Ignores everything."""

    def requested(self, source: str, now: datetime) -> None: ...

    def polled(self, source: str, outcome: PollOutcome, count: int) -> None: ...

    def recorded(self, event: EventRecord) -> None: ...

    def attempted(self, endpoint: str, receipt: Receipt) -> None: ...


UNOBSERVED = Unobserved()
