"""Five-field cron expressions, read as cron(5) reads them and spelled out, so that no other parser can differ.

Weekdays are the reason: cron counts 0 (or 7) as Sunday, APScheduler counts 0 as Monday. Here they become names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict


class CronFields(TypedDict):
    """Keyword arguments of APScheduler's `CronTrigger`: every value is `*` or a plain list such as `0,10,20`."""

    minute: str
    hour: str
    day: str
    month: str
    day_of_week: str


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LAST_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SUNDAY_TOO = 7


@dataclass(frozen=True, slots=True)
class _Field:
    title: str
    first: int
    last: int
    names: Mapping[str, int] = field(default_factory=dict[str, int])


_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31)
_MONTH = _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)})
_WEEKDAY = _Field("day of week", 0, _SUNDAY_TOO, {name: number for number, name in enumerate(_WEEKDAYS)})
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)

_ITEM = re.compile(
    r"(?:\*|(?P<first>[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?)(?:/(?P<step>[0-9]{1,2}))?"
)


def fields(expression: str) -> CronFields:
    """Spell an expression out. Raises ValueError, with a message for users, if it is not cron or never comes."""
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        raise ValueError(f"has {len(texts)} fields, must have five: minute, hour, day of month, month, day of week")
    minutes, hours, days, months, numbers = (_values(text, kind) for text, kind in zip(texts, _FIELDS, strict=True))
    weekdays = frozenset(number % _SUNDAY_TOO for number in numbers)
    if len(days) < _DAY.last and len(weekdays) < len(_WEEKDAYS):
        raise ValueError("restricts both day of month and day of week, one of them must be *")
    if not any(day <= _LAST_DAYS[month - 1] for day in days for month in months):
        raise ValueError("never comes: none of its months has such a day")
    return CronFields(
        minute=_spelled(minutes, _MINUTE),
        hour=_spelled(hours, _HOUR),
        day=_spelled(days, _DAY),
        month=_spelled(months, _MONTH),
        day_of_week="*" if len(weekdays) == len(_WEEKDAYS) else ",".join(_WEEKDAYS[day] for day in sorted(weekdays)),
    )


def _spelled(values: frozenset[int], kind: _Field) -> str:
    if len(values) == kind.last - kind.first + 1:
        return "*"
    return ",".join(str(value) for value in sorted(values))


def _values(text: str, kind: _Field) -> frozenset[int]:
    return frozenset(value for item in text.lower().split(",") for value in _item(item, kind))


def _item(text: str, kind: _Field) -> range:
    match = _ITEM.fullmatch(text)
    if match is None:
        raise ValueError(f"{kind.title} {text!r} is not cron, allowed: *, 5, 1-5, lists with commas, steps like */10")
    first, last, step = match["first"], match["last"], match["step"]
    if first is None:
        # */2 over weekdays must not contain Sunday twice, as 0 and as 7.
        start, end = kind.first, kind.last - (kind is _WEEKDAY)
    else:
        start = _number(first, kind)
        end = start if last is None else _number(last, kind)
        if step is not None and last is None:
            raise ValueError(f"{kind.title} {text!r}: a step needs * or a range, such as {first}-{kind.last}/{step}")
    if last is not None and end == 0 and kind is _WEEKDAY and start > 0:
        end = _SUNDAY_TOO
    if start > end:
        raise ValueError(f"{kind.title} {text!r} runs backwards, the smaller end must come first")
    if step is not None and int(step) == 0:
        raise ValueError(f"{kind.title} {text!r} has the step 0, must be 1 or more")
    return range(start, end + 1, int(step or 1))


def _number(text: str, kind: _Field) -> int:
    number = int(text) if text.isdigit() else kind.names.get(text, -1)
    if not kind.first <= number <= kind.last:
        names = f" or {', '.join(kind.names)}" if kind.names else ""
        raise ValueError(f"{kind.title} {text!r} does not exist, must be {kind.first} to {kind.last}{names}")
    return number
