"""How values are stored in the database, the same way in SQLite and PostgreSQL."""

import json
import zlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Row, Select, Text, type_coerce
from sqlalchemy.types import TypeDecorator

from watcher.core.instants import instant_text

AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(period: timedelta) -> int:
    """A period as whole microseconds, without a float in between."""
    return period // _MICROSECOND


def stamp(instant: datetime) -> int:
    """An instant as it is stored."""
    return (instant - EPOCH) // _MICROSECOND


def read_stamp(stamp: int | None) -> datetime | None:
    return None if stamp is None else EPOCH + timedelta(microseconds=stamp)


def read_day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def read_tags(text: str) -> tuple[str, ...]:
    return () if text == "[]" else tuple(json.loads(text))


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        del dialect
        return None if value is None else stamp(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        del dialect
        return read_stamp(value)


class Words(TypeDecorator[str]):
    """Text that both databases accept.

    NUL and lone surrogates are replaced; cut at `limit` characters if one is set.
    """

    impl = Text
    cache_ok = True

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.limit = limit

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else storable(value, self.limit)


class Day(TypeDecorator[date]):
    """A date as ISO text, so that the years 1 and 9999 fit in every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:
        del dialect
        return read_day(value)


class Tags(TypeDecorator[tuple[str, ...]]):
    """A tuple of tags as a JSON array in ASCII, in which `has_tag` finds a tag."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        del dialect
        return None if value is None else read_tags(value)


def storable(text: str, limit: int | None = None) -> str:
    """The text without what a database refuses (NUL, lone surrogates), cut at `limit` characters."""
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def like(glob: str) -> str:
    r"""A `*` and `?` glob as a LIKE pattern whose escape character is `\`."""
    return _escaped(glob).replace("*", "%").replace("?", "_")


def has_tag(column: ColumnElement[tuple[str, ...]], tag: str) -> ColumnElement[bool]:
    """Whether a `Tags` column holds this tag."""
    return type_coerce(column, Text).like(f"%{_escaped(json.dumps(tag))}%", escape="\\")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def pack(contents: Iterable[bytes]) -> tuple[bytes, ...]:
    """Compress. Fast rather than small: level 6 takes four times as long to save a tenth more space."""
    return tuple(zlib.compress(content, level=1) for content in contents)


def unpack(content: bytes) -> bytes:
    return zlib.decompress(content)


def json_instant(instant: datetime | None) -> str | None:
    """An instant as `--json` shows it."""
    return None if instant is None else instant_text(instant)
