"""JSON as the providers write it: money as exact numbers, and instants in several formats."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import cast

from aiohttp import web

from watcher.core import money

_NOISE = "0000000000000004"


def encode(value: object) -> bytes:
    """Compact JSON; a Decimal becomes a number with exactly its own digits."""
    return _text(value).encode()


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=encode(value), status=status, headers=headers, content_type="application/json")


def answer_bytes(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def with_decimals(minor: int, currency: str) -> Decimal:
    """Major units with all of the currency's decimals: 250.00."""
    return money.from_minor(minor, currency)


def shortest(minor: int, currency: str, *, noise: bool = False) -> Decimal:
    """Major units as a JavaScript or PHP program prints them: 1050, 19.9, 19.99; `noise` adds float noise."""
    digits = money.text(money.from_minor(minor, currency))
    if "." not in digits:
        return Decimal(digits)
    if noise:
        return Decimal(digits + _NOISE)
    return Decimal(digits.rstrip("0").rstrip("."))


def zulu(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def naive(instant: datetime | None) -> str | None:
    """UTC without an offset."""
    return None if instant is None else instant.astimezone(UTC).replace(tzinfo=None).isoformat()


def unix(instant: date | None) -> int:
    """Whole seconds; 0 means none."""
    return 0 if instant is None else int(instant_of(instant).timestamp())


def instant_of(due: date) -> datetime:
    """A day's first instant in UTC; an instant as it is."""
    return due if isinstance(due, datetime) else datetime.combine(due, time(), UTC)


def day_of(due: date | None) -> str | None:
    if due is None:
        return None
    return (due.date() if isinstance(due, datetime) else due).isoformat()


def _text(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return "{" + ",".join(f"{json.dumps(key)}:{_text(item)}" for key, item in pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, cast("Iterable[object]", value))) + "]"
    raise TypeError(f"{type(value).__name__} is not wire JSON")
