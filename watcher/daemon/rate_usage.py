"""How much of each account's rate is used: the requests of the last minutes, besides the counters of the metrics."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from watcher.clock import Clock
from watcher.ports import EventRecord, PollObserver, PollOutcome

WINDOW = timedelta(minutes=15)
_PART = timedelta(minutes=1)
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


class RateUsage:
    """A `PollObserver` that keeps requests for `WINDOW`, to the minute, and passes everything on."""

    def __init__(self, observer: PollObserver, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock
        self._counts: dict[datetime, dict[str, int]] = {}
        """By the beginning of the minute, and by source."""
        self._minute = _BEFORE_ALL
        self._ends_at = _BEFORE_ALL
        self._current: dict[str, int] = {}

    def requests(self) -> Mapping[str, int]:
        """The requests that this process made within `WINDOW`, by source."""
        since, sums = _minute(self._clock.now()) - WINDOW, Counter[str]()
        for minute, counts in self._counts.items():
            if minute > since:
                sums.update(counts)
        return sums

    def requested(self, source: str, now: datetime) -> None:
        if not self._minute <= now < self._ends_at:
            self._begin(_minute(now))
        self._current[source] = self._current.get(source, 0) + 1
        self._observer.requested(source, now)

    def polled(self, source: str, outcome: PollOutcome, count: int) -> None:
        self._observer.polled(source, outcome, count)

    def recorded(self, event: EventRecord) -> None:
        self._observer.recorded(event)

    def _begin(self, minute: datetime) -> None:
        self._counts = {other: counts for other, counts in self._counts.items() if other > minute - WINDOW}
        self._minute, self._ends_at = minute, minute + _PART
        self._current = self._counts.setdefault(minute, {})


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
