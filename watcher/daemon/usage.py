"""How much of each account's rate is used: the requests of the last minutes, beside what the metrics count for good."""

from collections.abc import Mapping
from datetime import timedelta

from watcher.clock import Clock
from watcher.ports import EventRecord, PollObserver, PollOutcome

WINDOW = timedelta(minutes=15)
_PART = timedelta(minutes=1)


class Usage:
    """A `PollObserver` that remembers requests for `WINDOW`, to the minute, and passes on all that it is told."""

    def __init__(self, observer: PollObserver, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock
        self._counts: dict[str, dict[int, int]] = {}

    def requests(self) -> Mapping[str, int]:
        """Those that this process made within `WINDOW`, by source."""
        oldest = self._minute() - WINDOW // _PART
        return {
            source: sum(count for minute, count in minutes.items() if minute > oldest)
            for source, minutes in self._counts.items()
        }

    def requested(self, source: str) -> None:
        minutes, now = self._counts.setdefault(source, {}), self._minute()
        if now not in minutes:
            for old in [minute for minute in minutes if minute <= now - WINDOW // _PART]:
                del minutes[old]
        minutes[now] = minutes.get(now, 0) + 1
        self._observer.requested(source)

    def polled(self, source: str, outcome: PollOutcome) -> None:
        self._observer.polled(source, outcome)

    def recorded(self, event: EventRecord) -> None:
        self._observer.recorded(event)

    def _minute(self) -> int:
        return int(self._clock.now().timestamp()) // int(_PART.total_seconds())
