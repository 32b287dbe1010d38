"""Reads and writes JSON without floats: numbers are int or Decimal, and anything ambiguous is refused."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from watcher.core.errors import InvalidAnswer

Document = Mapping[str, object]
"""A JSON object as `read` returns it."""

_MAX_INT_DIGITS = 4000
"""Below CPython's own limit for int(), so that a hostile number gets our error message."""

MOST_ITEMS = 100_000
"""Of a list that is read item by item: each costs time, however small it is."""


def read(data: bytes | str) -> object:
    """Parse one JSON value. Raises InvalidAnswer for broken JSON, NaN or Infinity, and duplicate keys."""
    try:
        return _DECODER.decode(data.decode("utf-8-sig") if isinstance(data, bytes) else data)
    except UnicodeDecodeError as error:
        raise InvalidAnswer(f"not UTF-8 text: {error.reason} at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InvalidAnswer(f"not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise InvalidAnswer("not JSON we read: nested too deep") from error
    except InvalidOperation as error:
        raise InvalidAnswer("a number in the answer has an exponent beyond any amount") from error


def read_items(data: bytes, *path: str) -> tuple[dict[str, object], tuple[tuple[object, bytes], ...]]:
    """Parse an object that has an array at `path`: everything but the array, and each item with its own text as sent.

    Items are parsed quickly: their duplicate keys are only found when the text of the item is read. Raises
    InvalidAnswer like `read`, and if there is no such array; some servers write an empty one as null.
    """
    try:
        return _ItemReader(data.decode("utf-8-sig"), path).read()
    except UnicodeDecodeError as error:
        raise InvalidAnswer(f"not UTF-8 text: {error.reason} at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InvalidAnswer(f"not JSON: {error.msg} at character {error.pos}") from error
    except ValueError as error:
        raise InvalidAnswer("a number in the answer has thousands of digits") from error
    except RecursionError as error:
        raise InvalidAnswer("not JSON we read: nested too deep") from error
    except InvalidOperation as error:
        raise InvalidAnswer("a number in the answer has an exponent beyond any amount") from error


def write(value: object) -> bytes:
    """Compact UTF-8 JSON with the keys in the given order. Decimals must be text already; a float is a bug."""
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


class _ItemReader:
    def __init__(self, text: str, path: tuple[str, ...]) -> None:
        self._text = text
        self._path = path
        self._place = 0
        self._items: tuple[tuple[object, bytes], ...] | None = None

    def read(self) -> tuple[dict[str, object], tuple[tuple[object, bytes], ...]]:
        envelope = self._object(0)
        if self._text[self._place :].strip():
            raise InvalidAnswer("not JSON: something follows it")
        if self._items is None:
            raise InvalidAnswer(f"field {'.'.join(self._path)}: a list is expected")
        return envelope, self._items

    def _object(self, depth: int) -> dict[str, object]:
        members: list[tuple[str, object]] = []
        for _ in self._parts("{", "}"):
            name, _ = self._value()
            if not isinstance(name, str):
                raise InvalidAnswer("not JSON: a key is expected")
            self._take(":")
            if name != self._path[depth]:
                members.append((name, self._value()[0]))
            elif depth < len(self._path) - 1:
                members.append((name, self._object(depth + 1)))
            elif self._items is None:
                self._items = self._array()
            else:
                raise InvalidAnswer(f"not JSON we read: key {name!r} is given twice in one object")
        return _unique(members)

    def _array(self) -> tuple[tuple[object, bytes], ...]:
        if self._sees("n") and self._value()[0] is None:
            return ()
        items: list[tuple[object, bytes]] = []
        for _ in self._parts("[", "]"):
            items.append(self._value(_HASTY))
            if len(items) > MOST_ITEMS:
                raise InvalidAnswer(f"field {'.'.join(self._path)}: has over {MOST_ITEMS} items")
        return tuple(items)

    def _parts(self, opening: str, closing: str) -> Iterator[None]:
        self._take(opening)
        if self._sees(closing):
            self._take(closing)
            return
        while True:
            yield
            if self._sees(closing):
                break
            self._take(",")
        self._take(closing)

    def _value(self, decoder: json.JSONDecoder | None = None) -> tuple[object, bytes]:
        self._skip_spaces()
        start = self._place
        value, self._place = (decoder or _DECODER).raw_decode(self._text, start)
        return value, self._text[start : self._place].encode()

    def _sees(self, character: str) -> bool:
        self._skip_spaces()
        return self._text.startswith(character, self._place)

    def _take(self, character: str) -> None:
        if not self._sees(character):
            raise InvalidAnswer(f"not JSON: {character} is expected at character {self._place}")
        self._place += 1

    def _skip_spaces(self) -> None:
        while self._text[self._place : self._place + 1] in _SPACES:
            self._place += 1


_SPACES = frozenset(" \t\r\n")
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=Decimal, parse_int=_integer, parse_constant=_no_constant
)
_HASTY = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)
"""Avoids a Python call for each object and number, which would be half the work."""
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
