"""Limits the attempts to one endpoint: how many at once, and how many a second (a token bucket of one second)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.ports import EndpointLimit


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """The settings for deliveries to one endpoint.

    `retries[0]` is the wait before the first attempt and has passed when the delivery is made; `retries[n]` lies
    between attempt n and the next. There are as many attempts as entries. `rate` is attempts per second.
    """

    retries: tuple[timedelta, ...]
    rate: float
    concurrency: int
    timeout: timedelta

    @property
    def limit(self) -> EndpointLimit:
        return EndpointLimit(self.rate, self.concurrency)


_FIRST_SECONDS = 0.1
"""A new bucket holds this many seconds of its rate: each restart can exceed the rate by no more than that."""


class EndpointLimiter:
    def __init__(self, name: str, endpoint: EndpointPolicy, now: datetime) -> None:
        self.name = name
        self.endpoint = endpoint
        self.under_way = 0
        self._tokens = max(1.0, endpoint.rate * _FIRST_SECONDS)
        self._filled_at = now

    def free(self, now: datetime) -> int:
        """How many attempts may begin now."""
        self._fill(now)
        return max(0, min(self.endpoint.concurrency - self.under_way, int(self._tokens)))

    def enter(self) -> None:
        self.under_way += 1
        self._tokens -= 1

    def leave(self) -> None:
        self.under_way -= 1

    def opens_in(self, now: datetime) -> timedelta | None:
        """When the rate allows the next attempt; None if it does already, or if all attempts are in progress."""
        self._fill(now)
        if self._tokens >= 1 or self.under_way >= self.endpoint.concurrency:
            return None
        return timedelta(seconds=(1 - self._tokens) / self.endpoint.rate)

    @property
    def _most_tokens(self) -> float:
        return max(1.0, self.endpoint.rate)

    def _fill(self, now: datetime) -> None:
        # A clock that was set back adds nothing; counting goes on from the new time.
        passed = max(0.0, (now - self._filled_at).total_seconds())
        self._tokens = min(self._most_tokens, self._tokens + passed * self.endpoint.rate)
        self._filled_at = now
