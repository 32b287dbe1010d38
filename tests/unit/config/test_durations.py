from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.config.values.durations import LONGEST, format_duration, format_rate, parse_duration, parse_rate


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=LONGEST // timedelta(milliseconds=1)))
def test_every_duration_that_is_written_is_read_back(milliseconds: int) -> None:
    period = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(period)) == period


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("0s", timedelta(0)),
        ("500ms", timedelta(milliseconds=500)),
        ("1h30m", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("1m1ms", timedelta(minutes=1, milliseconds=1)),
        ("90m", timedelta(minutes=90)),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, period: timedelta) -> None:
    assert parse_duration(text) == period


@pytest.mark.parametrize("text", ["", "5", "m", "1.5h", "-1s", "1 h", "1H", "1w", "1h ", "\u0661s", "1h\n", "1e3s"])
def test_any_other_form_of_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration, allowed: whole numbers"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["36501d", "999999999999999999d", "100000000h" * 40])
def test_a_duration_beyond_a_hundred_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is too long, at most 36500d"):
        parse_duration(text)


def test_a_number_of_thousands_of_digits_is_refused_and_not_computed() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration("9" * 5000 + "s")


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (timedelta(days=7), "7d"),
        (timedelta(hours=24), "1d"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(0), "0s"),
        (timedelta(microseconds=1999), "1ms"),
    ],
)
def test_durations_are_written_with_the_largest_units(period: timedelta, text: str) -> None:
    assert format_duration(period) == text


def test_a_negative_duration_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="never negative"):
        format_duration(timedelta(seconds=-1))


@pytest.mark.parametrize(("text", "rate"), [("5/s", 5.0), ("30/m", 0.5), ("3600/h", 1.0), ("1/h", 1 / 3600)])
def test_a_rate_is_requests_per_second(text: str, rate: float) -> None:
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["5", "/s", "5/d", "0.5/s", "-1/s", "5 / s", "5/s/s", "\u0665/s"])
def test_any_other_form_of_a_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate, allowed"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["0/s", "10001/s", "999999999/s"])
def test_a_rate_of_nothing_or_of_too_much_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is out of bounds, must be more than 0 and at most 10000/s"):
        parse_rate(text)


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=10_000), st.sampled_from("smh"))
def test_every_rate_that_is_written_is_read_back(count: int, period: str) -> None:
    rate = parse_rate(f"{count}/{period}")
    assert parse_rate(format_rate(rate)) == pytest.approx(rate)
