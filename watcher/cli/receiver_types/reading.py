"""How the Python that is printed reads a body: everything below the imports becomes part of it.

It is formatted so that 88 and 120 columns give the same lines.
"""

# pyright: reportUnusedFunction=false
# What is printed above it uses these functions.

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar, cast

_T = TypeVar("_T")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
_MONEY = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class InvalidBody(ValueError):
    """The body is no event as this file knows them; says which field is wrong."""


class UnknownEvent(InvalidBody):
    """A type that this file does not have: answer 2xx, and print the types anew."""


class _Row:
    """A JSON object; fields that nobody asks for are ignored."""

    def __init__(self, at: str, value: object) -> None:
        if not isinstance(value, dict):
            raise InvalidBody(f"{at} is no object")
        self.at = at
        self.fields = cast("dict[str, object]", value)

    def need(self, name: str, read: Callable[[str, object], _T]) -> _T:
        if name not in self.fields:
            raise InvalidBody(f"{self.at} lacks {name}")
        return read(f"{self.at}.{name}", self.fields[name])

    def may(self, name: str, read: Callable[[str, object], _T]) -> _T | None:
        return self.need(name, read) if name in self.fields else None

    def holds_together(self, names: Sequence[str], without: Sequence[str]) -> None:
        """Refuse some of `names` without the others, and any of them with `without`."""
        there = [name for name in names if name in self.fields]
        if there and len(there) < len(names):
            raise InvalidBody(f"{self.at} has {there[0]} without {', '.join(names)}")
        beside = [name for name in without if name in self.fields]
        if there and beside:
            raise InvalidBody(f"{self.at} has {beside[0]} and {there[0]}")


def _loaded(body: bytes | str) -> _Row:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidBody(f"the body is not JSON: {error}") from error
    return _Row("body", document)


def _wrong(at: str, value: object, wanted: str) -> InvalidBody:
    return InvalidBody(f"{at} is {repr(value)[:80]}, not {wanted}")


def _any(_at: str, value: object) -> object:
    return value


def _text(at: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(at, value, "text")
    return value


def _integer(at: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(at, value, "a whole number")
    return value


def _boolean(at: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(at, value, "true or false")
    return value


def _null(at: str, value: object) -> None:
    if value is not None:
        raise _wrong(at, value, "null")


def _money(at: str, value: object) -> Decimal:
    if not isinstance(value, str) or not _MONEY.fullmatch(value):
        raise _wrong(at, value, 'an amount as text, such as "10.00"')
    return Decimal(value)


def _instant(at: str, value: object) -> datetime:
    try:
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise _wrong(at, value, "an instant in UTC")


def _calendar_date(at: str, value: object) -> date:
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise _wrong(at, value, "a date")


def _or_null(read: Callable[[str, object], _T]) -> Callable[[str, object], _T | None]:
    return lambda at, value: None if value is None else read(at, value)


def _list(read: Callable[[str, object], _T]) -> Callable[[str, object], tuple[_T, ...]]:
    def each(at: str, value: object) -> tuple[_T, ...]:
        if not isinstance(value, list):
            raise _wrong(at, value, "a list")
        items = cast("list[object]", value)
        return tuple(read(f"{at}[{n}]", item) for n, item in enumerate(items))

    return each


def _choice(allowed: Sequence[_T]) -> Callable[[str, object], _T]:
    def one(at: str, value: object) -> _T:
        for choice in allowed:
            if type(value) is type(choice) and value == choice:
                return choice
        raise _wrong(at, value, f"one of {', '.join(map(repr, allowed))}")

    return one


def _either(*reads: Callable[[str, object], _T]) -> Callable[[str, object], _T]:
    def first(at: str, value: object) -> _T:
        for read in reads:
            try:
                return read(at, value)
            except InvalidBody:
                continue
        raise _wrong(at, value, "a value of a field")

    return first
