from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.notifications.digest_schedule import DigestSchedule

BERLIN = ZoneInfo("Europe/Berlin")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "moment", "end"),
    [
        (HOUR, "2026-11-22T10:00:01", "2026-11-22T11:00:00"),
        (HOUR, "2026-11-22T10:00:00", "2026-11-22T10:00:00"),
        (DAY, "2026-11-22T06:59:59", "2026-11-22T07:00:00"),
        (DAY, "2026-11-22T07:00:00", "2026-11-22T07:00:00"),
        (DAY, "2026-11-22T07:00:01", "2026-11-23T07:00:00"),
        (DAY, "2026-07-01T06:00:01", "2026-07-02T06:00:00"),
        (DAY, "2026-03-28T08:00:00", "2026-03-29T06:00:00"),
        (DAY, "2026-10-24T08:00:00", "2026-10-25T07:00:00"),
        (7 * DAY, "2026-11-22T10:00:00", "2026-11-23T07:00:00"),
        (7 * DAY, "2026-11-23T07:00:01", "2026-11-30T07:00:00"),
    ],
)
def test_a_period_ends_at_the_time_of_day_in_the_zone_summer_and_winter(
    period: timedelta, moment: str, end: str
) -> None:
    assert DigestSchedule(period, time(8), BERLIN).end_of_period(at(moment)) == at(end)


def test_a_time_that_the_clock_skips_or_repeats_comes_once() -> None:
    nightly = DigestSchedule(DAY, time(2, 30), BERLIN)
    skipped = nightly.end_of_period(at("2026-03-28T12:00:00"))
    assert skipped == at("2026-03-29T01:30:00")
    assert nightly.end_of_period(skipped + timedelta(seconds=1)) == at("2026-03-30T00:30:00")
    repeated = nightly.end_of_period(at("2026-10-24T12:00:00"))
    assert repeated == at("2026-10-25T00:30:00")
    assert nightly.end_of_period(repeated + timedelta(seconds=1)) == at("2026-10-26T01:30:00")


@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- bounds
    minutes=st.integers(1, 20_000),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago", "Pacific/Apia", "Asia/Kolkata"]),
)
def test_ends_follow_each_other_and_an_end_is_its_own(moment: datetime, minutes: int, zone: str) -> None:
    schedule = DigestSchedule(timedelta(minutes=minutes), time(2, 30), ZoneInfo(zone))
    end = schedule.end_of_period(moment)
    assert moment <= end <= moment + schedule.period + timedelta(hours=25)
    assert schedule.end_of_period(end) == end
    assert schedule.end_of_period(end + timedelta(microseconds=1)) > end
