"""From instants to local days and months, in a form that a database can use: the months of days sales outstanding."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from watcher.core.instants import end_of_day, local_date

MONTHS = 12
_DAY = timedelta(days=1)
_RESOLUTION = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time within one local month in which the zone keeps one offset; `end` is the first instant after."""

    month: date
    start: datetime
    end: datetime
    offset: timedelta


def months(today: date) -> tuple[date, ...]:
    """The first days of this month and of the eleven before, oldest first."""
    first = today.replace(day=1)
    found = [first]
    while len(found) < MONTHS:
        first = (first - _DAY).replace(day=1)
        found.append(first)
    return tuple(reversed(found))


def segments(now: datetime, timezone: ZoneInfo) -> tuple[Segment, ...]:
    """The `months` up to now, without gaps, in order."""
    return tuple(segment for month in months(local_date(now, timezone)) for segment in _of_month(month, timezone))


def _of_month(month: date, timezone: ZoneInfo) -> Iterator[Segment]:
    following = (month + 31 * _DAY).replace(day=1)
    start, end = end_of_day(month - _DAY, timezone), end_of_day(following - _DAY, timezone)
    if start is None or end is None:
        return
    while start < end:
        offset = _offset(start, timezone)
        stop = min(start + _DAY, end)
        while stop < end and _offset(stop, timezone) == offset:
            stop = min(stop + _DAY, end)
        if _offset(stop - _RESOLUTION, timezone) != offset:
            stop = _change(max(start, stop - _DAY), stop - _RESOLUTION, timezone)
        yield Segment(month, start, stop, offset)
        start = stop


def _change(before: datetime, after: datetime, timezone: ZoneInfo) -> datetime:
    """The first instant with another offset than `before`, at most `after`."""
    offset = _offset(before, timezone)
    while after - before > _RESOLUTION:
        middle = before + (after - before) // 2
        before, after = (middle, after) if _offset(middle, timezone) == offset else (before, middle)
    return after


def _offset(at: datetime, timezone: ZoneInfo) -> timedelta:
    return at.astimezone(timezone).utcoffset() or timedelta(0)
