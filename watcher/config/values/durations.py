"""Durations such as `1h30m` and rates such as `5/s`, as they are written in the config file."""

import re
from datetime import timedelta

LONGEST = timedelta(days=36_500)
FASTEST_RATE = 10_000.0
"""Requests per second; more is a mistake in typing, not a plan."""

DURATION_PATTERN = r"^([0-9]+(ms|s|m|h|d))+$"
RATE_PATTERN = r"^[0-9]+/[smh]$"

_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_PART = re.compile(r"([0-9]{1,18})(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:[0-9]{1,18}(?:ms|s|m|h|d))+")
_RATE = re.compile(r"([0-9]{1,9})/([smh])")
_PERIODS = {"s": 1, "m": 60, "h": 3600}


def parse_duration(text: str) -> timedelta:
    """Read `1h30m`. Raises ValueError, with a message for users, for any other form and for over a hundred years."""
    if not _WHOLE.fullmatch(text):
        raise ValueError('is not a duration, allowed: whole numbers with ms, s, m, h or d, joined, such as "1h30m"')
    milliseconds = sum(int(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(text))
    if milliseconds > LONGEST // timedelta(milliseconds=1):
        raise ValueError(f"is too long, at most {format_duration(LONGEST)}")
    return timedelta(milliseconds=milliseconds)


def format_duration(period: timedelta) -> str:
    """The shortest text that `parse_duration` reads as this period, in whole milliseconds. ValueError below 0."""
    rest = period // timedelta(milliseconds=1)
    if rest < 0:
        raise ValueError("a duration is never negative")
    parts: list[str] = []
    for unit, size in _MILLISECONDS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_rate(text: str) -> float:
    """Read `5/s`, `300/m` or `1000/h` as requests per second. Raises ValueError, with a message for users."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError('is not a rate, allowed: a whole number per s, m or h, such as "5/s" or "30/m"')
    rate = int(match[1]) / _PERIODS[match[2]]
    if not 0 < rate <= FASTEST_RATE:
        raise ValueError(f"is out of bounds, must be more than 0 and at most {FASTEST_RATE:.0f}/s")
    return rate


def format_rate(rate: float) -> str:
    """The rate with the shortest unit in which it is a whole number."""
    for unit, seconds in _PERIODS.items():
        count = rate * seconds
        if count >= 1 and abs(count - round(count)) < 1e-6 * count:
            return f"{round(count)}/{unit}"
    return f"{rate:g}/s"
