"""When money is due, week by week: the periods of a forecast."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

WEEKS = 12
_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)


class PeriodKind(StrEnum):
    OVERDUE = "overdue"
    WEEK = "week"
    LATER = "later"
    NO_DUE_DATE = "no_due_date"


@dataclass(frozen=True, slots=True)
class Period:
    """`first` and `last` are the days of a week, Monday to Sunday; `LATER` has only a first one, the others none."""

    kind: PeriodKind
    first: date | None = None
    last: date | None = None


def periods(today: date) -> tuple[Period, ...]:
    """Overdue, the week of today and the eleven after it, later, and without a due date."""
    monday = today - timedelta(days=today.weekday())
    weeks = (monday + number * _WEEK for number in range(WEEKS))
    return (
        Period(PeriodKind.OVERDUE),
        *(Period(PeriodKind.WEEK, first, first + _WEEK - _DAY) for first in weeks),
        Period(PeriodKind.LATER, monday + WEEKS * _WEEK),
        Period(PeriodKind.NO_DUE_DATE),
    )


def place(due_on: date | None, today: date) -> int:
    """Which of `periods` has what is due on a day and not overdue.

    A due day that has just passed in UTC and not yet at the source is in the first week. One that can never become
    overdue, because its end is no instant (year 1), counts as none.
    """
    monday = today - timedelta(days=today.weekday())
    if due_on is None or due_on < monday - _WEEK:
        return WEEKS + 2
    return 1 + min(max((due_on - monday).days // 7, 0), WEEKS)
