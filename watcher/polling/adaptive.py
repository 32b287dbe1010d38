"""The adaptive policy at work: a course for each source, plotted anew every minute."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from watcher.clock import Clock
from watcher.core.scheduling.allocation import Census, Course, Limits, Standing, plot
from watcher.core.scheduling.intervals import jittered
from watcher.ports import Surveys


@dataclass(slots=True)
class Tempo:
    """When the invoices of one source are looked at. Every `every`, until a course is known."""

    source: str
    provider: str
    limits: Limits
    rate: float
    batch_size: Callable[[], int]
    """An account can turn out to have no batches."""
    weighted: bool
    course: Course | None = None

    def next_look(self, standing: Standing, now: datetime, luck: float) -> datetime:
        if self.course is None:
            return now + jittered(self.limits.every, luck)
        return self.course.next_look(standing, now, luck)


class Tuner:
    def __init__(self, surveys: Surveys, clock: Clock) -> None:
        self._surveys = surveys
        self._clock = clock

    async def tune(self, tempos: Iterable[Tempo]) -> Mapping[str, Census]:
        """Plot their courses by what is open now, and give what was counted, by source, to whoever needs it too.

        Raises StoreUnavailable; the old courses hold then.
        """
        counted: dict[str, Census] = {}
        for tempo in tempos:
            now = self._clock.now()
            census = await self._surveys.census(tempo.source, tempo.provider, now, weighted=tempo.weighted)
            tempo.course = plot(
                census, now, tempo.limits, rate=tempo.rate, batch_size=tempo.batch_size(), weighted=tempo.weighted
            )
            counted[tempo.source] = census
        return counted
