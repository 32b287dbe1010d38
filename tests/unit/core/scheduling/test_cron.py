from datetime import UTC, datetime
from typing import Any

import pytest
from apscheduler.triggers.cron import CronTrigger  # pyright: ignore[reportMissingTypeStubs] - it ships none
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.config.values.cron import validate
from watcher.core.scheduling import cron


@pytest.mark.parametrize(
    ("weekdays", "names"),
    [
        ("0", "sun"),
        ("7", "sun"),
        ("0,7", "sun"),
        ("1-5", "mon,tue,wed,thu,fri"),
        ("5-7", "sun,fri,sat"),
        ("0-3", "sun,mon,tue,wed"),
        ("*/2", "sun,tue,thu,sat"),
        ("MON-Fri", "mon,tue,wed,thu,fri"),
        ("fri-sun", "sun,fri,sat"),
        ("0-7", "*"),
        ("*", "*"),
    ],
)
def test_weekdays_leave_as_names_with_sunday_first(weekdays: str, names: str) -> None:
    assert cron.fields(f"0 0 * * {weekdays}")["day_of_week"] == names


def test_lists_ranges_and_steps_are_spelled_out() -> None:
    assert cron.fields("*/20 8-10,22 1-31/10 jan,6 *") == {
        "minute": "0,20,40",
        "hour": "8,9,10,22",
        "day": "1,11,21,31",
        "month": "1,6",
        "day_of_week": "*",
    }


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "has 0 fields, must have five"),
        ("* * * *", "has 4 fields, must have five"),
        ("* * * * * *", "has 6 fields, must have five"),
        ("@daily", "has 1 fields, must have five"),
        ("60 * * * *", "minute '60' does not exist, must be 0 to 59"),
        ("* 24 * * *", "hour '24' does not exist, must be 0 to 23"),
        ("* * 0 * *", "day of month '0' does not exist, must be 1 to 31"),
        ("* * * 13 *", "month '13' does not exist, must be 1 to 12 or jan, "),
        ("* * * * 8", "day of week '8' does not exist, must be 0 to 7 or sun, "),
        ("* * * foo *", "month 'foo' does not exist"),
        ("* * ? * *", "day of month '?' is not cron"),
        ("* * L * *", "day of month 'l' is not cron"),
        ("1.5 * * * *", "minute '1.5' is not cron"),
        ("1,, * * * *", "minute '' is not cron"),
        ("9-5 * * * *", "minute '9-5' runs backwards"),
        ("*/0 * * * *", "minute '*/0' has the step 0"),
        ("5/10 * * * *", "minute '5/10': a step needs * or a range, such as 5-59/10"),
        ("0 0 1 * 1", "restricts both day of month and day of week"),
        ("0 0 */2 * 1", "restricts both day of month and day of week"),
        ("0 0 30 2 *", "never comes: none of its months has such a day"),
        ("0 0 31 4,6,9,11 *", "never comes: none of its months has such a day"),
    ],
)
def test_what_is_not_cron_is_refused_in_words(expression: str, words: str) -> None:
    assert (validate(expression) or "").startswith(words)


@pytest.mark.parametrize("expression", ["*/10 8-18 * * 1-5", "0 0 29 2 *", "0 0 31 * *", "0 0 */2 * *", "0 0 1-31 * 1"])
def test_what_is_cron_is_accepted(expression: str) -> None:
    assert validate(expression) is None


def test_sunday_is_a_sunday_for_the_scheduler() -> None:
    trigger: Any = CronTrigger(**cron.fields("30 6 * * 0"), timezone=UTC)
    fires_at: datetime = trigger.get_next_fire_time(None, datetime(2026, 11, 23, tzinfo=UTC))
    assert fires_at == datetime(2026, 11, 29, 6, 30, tzinfo=UTC)
    assert fires_at.strftime("%A") == "Sunday"


@settings(deadline=None)
@given(st.text(alphabet="0123456789*,-/ monsuja?L", max_size=25))
def test_whatever_is_accepted_can_be_scheduled(expression: str) -> None:
    if validate(expression) is None:
        trigger: Any = CronTrigger(**cron.fields(expression), timezone=UTC)
        assert trigger.get_next_fire_time(None, datetime(2026, 1, 1, tzinfo=UTC)) is not None
