"""For how many days money has been due: the buckets of an aging report."""

from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from watcher.core.instants import end_of_day, local_date


class Bucket(StrEnum):
    """Days are local ones at the source; the first begins at the due instant. Without one, nothing is overdue."""

    NOT_DUE = "not_due"
    DAYS_1_7 = "days_1_7"
    DAYS_8_30 = "days_8_30"
    DAYS_31_60 = "days_31_60"
    DAYS_61_90 = "days_61_90"
    DAYS_OVER_90 = "days_over_90"


_ENDS = (7, 30, 60, 90)


def beginnings(now: datetime, timezone: ZoneInfo) -> tuple[datetime, ...]:
    """The first instant of each bucket but the last, newest first; that of `NOT_DUE` is the one after `now`.

    An invoice is in the first bucket whose beginning is not after its due instant, and in the last if there is none.
    """
    today = local_date(now, timezone)
    starts = (end_of_day(today - timedelta(days=days), timezone) for days in _ENDS)
    return (now + timedelta(microseconds=1), *(start for start in starts if start is not None))
