"""JSON in and out without floats: numbers are int or Decimal, anything ambiguous is refused."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn

from watcher.core.errors import InvalidAnswer

Document = Mapping[str, object]
"""A JSON object as `read` gives it."""

_MAX_INT_DIGITS = 4000
"""Below CPython's own limit for int(), so that a hostile number is refused in our words."""


def read(data: bytes | str) -> object:
    """Parse one JSON value. Raises InvalidAnswer for broken JSON, NaN or Infinity, and keys given twice."""
    try:
        return _DECODER.decode(data.decode("utf-8-sig") if isinstance(data, bytes) else data)
    except UnicodeDecodeError as error:
        raise InvalidAnswer(f"not UTF-8 text: {error.reason} at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InvalidAnswer(f"not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise InvalidAnswer("not JSON we read: nested too deep") from error


def write(value: object) -> bytes:
    """Compact UTF-8 JSON with the keys in the order given. Decimals must be text already; a float is a bug."""
    return _ENCODER.encode(value).encode()


def _no_constant(word: str) -> NoReturn:
    raise InvalidAnswer(f"not JSON: {word} is no number")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_INT_DIGITS:
        raise InvalidAnswer("a number in the answer has thousands of digits")
    return int(digits)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise InvalidAnswer(f"not JSON we read: key {twice[:60]!r} is given twice in one object")
    return result


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=Decimal, parse_int=_integer, parse_constant=_no_constant
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
