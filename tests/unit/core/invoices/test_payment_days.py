"""Local months cut into stretches with one offset, which say the local day of every instant in them."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from watcher.core.instants import local_date
from watcher.core.invoices.payment_days import MONTHS, months, segments

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_months_are_this_one_and_the_eleven_before() -> None:
    found = months(date(2026, 3, 31))
    assert (found[0], found[-1], len(found)) == (date(2025, 4, 1), date(2026, 3, 1), MONTHS)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Chicago", "Africa/Casablanca", "Pacific/Apia"])
def test_a_segment_says_the_local_day_and_month_of_every_instant_in_it(name: str) -> None:
    zone = ZoneInfo(name)
    found = segments(NOW, zone)
    assert all(one.end == following.start for one, following in pairwise(found))
    assert {one.month for one in found} == set(months(local_date(NOW, zone)))
    for one in found:
        for at in (one.start, one.start + (one.end - one.start) / 3, one.end - timedelta(microseconds=1)):
            day = EPOCH.date() + timedelta(days=(at + one.offset - EPOCH).days)
            assert day == local_date(at, zone)
            assert day.replace(day=1) == one.month
