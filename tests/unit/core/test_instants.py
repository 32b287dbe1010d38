"""Instants as text, and where a local day ends."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.core.instants import end_of_day, instant_text, local_date, period_text, read_instant


@pytest.mark.parametrize(
    ("day", "zone", "ends_at"),
    [
        (date(2026, 12, 1), "UTC", "2026-12-02T00:00:00Z"),
        (date(2026, 12, 1), "America/Chicago", "2026-12-02T06:00:00Z"),
        (date(2018, 11, 3), "America/Sao_Paulo", "2018-11-04T03:00:00Z"),  # midnight skipped
        (date(2018, 2, 17), "America/Sao_Paulo", "2018-02-18T03:00:00Z"),  # 23:00 repeated
        (date(2026, 10, 31), "America/Havana", "2026-11-01T04:00:00Z"),  # midnight repeated: the first one
        (date(2011, 12, 29), "Pacific/Apia", "2011-12-30T10:00:00Z"),  # the whole next day skipped
    ],
)
def test_a_due_day_ends_with_the_first_instant_of_the_next_local_day(day: date, zone: str, ends_at: str) -> None:
    assert instant_text(end_of_day(day, ZoneInfo(zone)) or datetime.min.replace(tzinfo=UTC)) == ends_at


@settings(max_examples=500, deadline=None)
@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.sampled_from(sorted(available_timezones() - {"localtime"})))
def test_the_day_is_over_at_its_end_and_not_a_moment_before(day: date, zone: str) -> None:
    timezone = ZoneInfo(zone)
    end = end_of_day(day, timezone)
    assert end is not None
    assert local_date(end, timezone) > day
    assert local_date(end - timedelta(microseconds=1), timezone) <= day


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_come_back_from_their_text(at: datetime) -> None:
    assert read_instant(instant_text(at)) == at
    assert instant_text(at).endswith("Z")


def test_periods_are_written_as_the_configuration_writes_them() -> None:
    written = [timedelta(days=7), timedelta(hours=36), timedelta(seconds=90), timedelta(milliseconds=5), timedelta(0)]
    assert [period_text(period) for period in written] == ["7d", "1d12h", "1m30s", "5ms", "0s"]
