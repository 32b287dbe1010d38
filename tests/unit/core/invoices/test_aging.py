"""Buckets begin at local midnights, also where the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from watcher.core.instants import end_of_day
from watcher.core.invoices.aging import Bucket, beginnings

BERLIN = ZoneInfo("Europe/Berlin")


def bucket(due_at: datetime, now: datetime, zone: ZoneInfo) -> Bucket:
    return tuple(Bucket)[sum(due_at < start for start in beginnings(now, zone))]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, Bucket.NOT_DUE),
        (1, Bucket.DAYS_1_7),
        (7, Bucket.DAYS_1_7),
        (8, Bucket.DAYS_8_30),
        (30, Bucket.DAYS_8_30),
        (31, Bucket.DAYS_31_60),
        (60, Bucket.DAYS_31_60),
        (61, Bucket.DAYS_61_90),
        (90, Bucket.DAYS_61_90),
        (91, Bucket.DAYS_OVER_90),
        (5000, Bucket.DAYS_OVER_90),
    ],
)
@pytest.mark.parametrize("zone", [BERLIN, ZoneInfo("America/Chicago"), ZoneInfo("Pacific/Kiritimati")])
@pytest.mark.parametrize("hour", [0, 12, 23])
def test_days_are_counted_from_local_midnight_to_local_midnight(
    days: int, expected: Bucket, zone: ZoneInfo, hour: int
) -> None:
    # The clocks of Berlin went back on October 25 and those of Chicago on November 1, 2026.
    now = datetime(2026, 11, 3, hour, 30, tzinfo=zone)
    due_at = end_of_day(now.date() - timedelta(days=days), zone)
    assert due_at is not None
    assert bucket(due_at, now.astimezone(UTC), zone) is expected


def test_it_is_due_at_the_instant_and_not_before() -> None:
    due_at = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    assert bucket(due_at, due_at - timedelta(microseconds=1), BERLIN) is Bucket.NOT_DUE
    assert bucket(due_at, due_at, BERLIN) is Bucket.DAYS_1_7
