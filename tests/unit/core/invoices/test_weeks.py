"""The periods of a forecast, and which of them a due day belongs to."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from watcher.core.invoices.weeks import WEEKS, PeriodKind, periods, place

days = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1))


@given(today=days, ahead=st.integers(min_value=0, max_value=400))
def test_a_day_that_is_to_come_is_in_the_one_period_that_contains_it(today: date, ahead: int) -> None:
    day = today + timedelta(days=ahead)
    period = periods(today)[place(day, today)]
    assert period.first is not None
    assert period.first <= day
    assert (period.last is None) == (period.kind is PeriodKind.LATER)
    assert period.last is None or day <= period.last


@given(today=days)
def test_there_are_twelve_whole_weeks_and_the_first_is_that_of_today(today: date) -> None:
    found = periods(today)
    weeks = [one for one in found if one.kind is PeriodKind.WEEK]
    assert len(weeks) == WEEKS
    first, last = weeks[0].first, weeks[0].last
    assert first is not None
    assert last is not None
    assert first.weekday() == 0
    assert first <= today <= last
    assert [one.kind for one in found if one not in weeks] == ["overdue", "later", "no_due_date"]


def test_days_that_are_no_due_days_have_a_period_too() -> None:
    today = date(2026, 11, 23)
    kinds = [one.kind for one in periods(today)]
    assert kinds[place(None, today)] is PeriodKind.NO_DUE_DATE
    assert kinds[place(date(1, 1, 1), today)] is PeriodKind.NO_DUE_DATE
    assert place(today - timedelta(days=1), today) == 1, "still Sunday at the source"
