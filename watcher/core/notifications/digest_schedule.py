"""When a digest is sent: at the end of its period."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DigestSchedule:
    """Whole days end at `at` in `timezone`; with seven days, on Mondays. Other periods are counted in UTC from 1970."""

    period: timedelta
    at: time
    timezone: ZoneInfo

    def end_of_period(self, moment: datetime) -> datetime:
        """The first end of a period at or after this moment."""
        if self.period % DAY:
            periods = -((_EPOCH - moment) // self.period)
            return _EPOCH + periods * self.period
        days = self.period // DAY
        day = moment.astimezone(self.timezone).date()
        day += timedelta(days=(1 - day.toordinal()) % days)
        end = self._instant(day.toordinal())
        return end if end >= moment else self._instant(day.toordinal() + days)

    def _instant(self, ordinal: int) -> datetime:
        """`at` on this day. Where the clock skips it, as much later as it skips; where it comes twice, the first."""
        local = datetime.combine(datetime.fromordinal(ordinal), self.at, self.timezone)
        return local.astimezone(UTC)
