"""Whether our clock can be trusted: it is compared with what the providers' `Date` headers say."""

from datetime import datetime, timedelta
from statistics import median

LIMIT = timedelta(minutes=5)
_KEPT_FOR = timedelta(hours=1)


class SkewGuard:
    """Holds clock events while our clock differs from the median of the providers' by more than five minutes."""

    def __init__(self) -> None:
        self._offsets: dict[str, tuple[datetime, timedelta]] = {}

    def saw(self, source: str, server_date: datetime | None, answered_at: datetime) -> None:
        if server_date is not None:
            self._offsets[source] = (answered_at, answered_at - server_date)

    def skew(self, now: datetime) -> timedelta:
        """How far our clock is ahead; zero while nobody told the time within the last hour."""
        recent = [offset.total_seconds() for at, offset in self._offsets.values() if abs(now - at) <= _KEPT_FOR]
        return timedelta(seconds=median(recent)) if recent else timedelta(0)

    def holds(self, now: datetime) -> bool:
        return abs(self.skew(now)) > LIMIT
