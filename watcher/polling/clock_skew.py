"""Decides whether our clock can be trusted, by comparing it with the providers' `Date` headers."""

from datetime import datetime, timedelta
from statistics import median

LIMIT = timedelta(minutes=5)
_KEPT_FOR = timedelta(hours=1)


class SkewGuard:
    """Holds clock events while our clock differs from the median of the providers' clocks by more than five minutes.

    A clock that has just jumped ahead that far is held too, until a provider has sent the time: headers from before the
    jump say nothing about it. If no provider sends the time, five minutes by our clock are enough.
    """

    def __init__(self, every: timedelta = timedelta(seconds=1)) -> None:
        self._every = every
        self._offsets: dict[str, tuple[datetime, timedelta]] = {}
        self._turned_at: datetime | None = None
        self._jumped_at: datetime | None = None

    def note_date(self, source: str, server_date: datetime | None, answered_at: datetime) -> None:
        if server_date is not None:
            self._offsets[source] = (answered_at, answered_at - server_date)
            self._jumped_at = None

    def tick(self, now: datetime) -> None:
        """To be called `every` so often: if five minutes more pass between two calls, the clock has jumped."""
        if self._turned_at is not None and now - self._turned_at > LIMIT + self._every:
            self._jumped_at = now
        self._turned_at = now

    def skew(self, now: datetime) -> timedelta:
        """How far our clock is ahead; zero if no provider sent the time within the last hour."""
        recent = [offset.total_seconds() for at, offset in self._offsets.values() if abs(now - at) <= _KEPT_FOR]
        return timedelta(seconds=median(recent)) if recent else timedelta(0)

    def holds(self, now: datetime) -> bool:
        has_jumped = self._jumped_at is not None and abs(now - self._jumped_at) <= LIMIT
        # If no clock differs this much the median does not either; this runs for every poll.
        differs = any(abs(offset) > LIMIT for _, offset in self._offsets.values())
        return has_jumped or (differs and abs(self.skew(now)) > LIMIT)
