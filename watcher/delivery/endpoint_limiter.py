"""How much of one endpoint may be under way: its concurrency, and its rate as a bucket of one second's worth."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """What delivering to one endpoint goes by.

    `retries[0]` lies before the first attempt and was waited for when the delivery was made; `retries[n]` lies between
    attempt n and the next. There are as many attempts as entries. `rate` is attempts per second.
    """

    retries: tuple[timedelta, ...]
    rate: float
    concurrency: int
    timeout: timedelta


_FIRST_SECONDS = 0.1
"""A new bucket holds so much of its rate: whoever restarts over and over exceeds it by no more than that each time."""


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
        """When the rate lets the next attempt begin; None if it does already, or if all its attempts are under way."""
        self._fill(now)
        if self._tokens >= 1 or self.under_way >= self.endpoint.concurrency:
            return None
        return timedelta(seconds=(1 - self._tokens) / self.endpoint.rate)

    @property
    def _most_tokens(self) -> float:
        return max(1.0, self.endpoint.rate)

    def _fill(self, now: datetime) -> None:
        # A clock set back gives nothing, and counting goes on from where it is now.
        passed = max(0.0, (now - self._filled_at).total_seconds())
        self._tokens = min(self._most_tokens, self._tokens + passed * self.endpoint.rate)
        self._filled_at = now
