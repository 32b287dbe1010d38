"""What is done to every document: its fingerprint, and its text without secrets."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b
from secrets import token_hex
from typing import cast

from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.core.json_text import Document

_SUSPECTS = ("://", ":\\/", "url", "link", "token", "secret")
_SUSPECT_BYTES = tuple(suspect.encode() for suspect in _SUSPECTS)
_SECRET_KEY = re.compile(r"url|link|token|secret", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,20}://\S+", re.IGNORECASE)
_VOLATILE_VALUE = re.compile(rb'\s*:\s*(?:null|"[^"\\]*")')
_MARK = f"number-{token_hex(8)}:"
"""Before a number that is written as text. Another one in each process: no document can contain it."""
_MARKED_NUMBER = re.compile(rf'"{_MARK}(-?[0-9][0-9.]*(?:E[+-]?[0-9]+)?)"')


def fingerprint(value: object) -> bytes:
    """Hash a document from which the adapter has removed what is volatile. Equal documents give equal hashes."""
    try:
        return digest(_CANONICAL.encode(value).encode("ascii"))
    except RecursionError as error:
        raise InvalidAnswer("not JSON we read: nested too deep") from error


def digest(text: bytes, volatile: bytes | None = None) -> bytes:
    """Hash bytes as they were sent, without the fields that are named `volatile` and contain text or null."""
    if volatile is None:
        return blake2b(text, digest_size=16).digest()
    hashed, name, start = blake2b(digest_size=16), b'"%s"' % volatile, 0
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if value := _VOLATILE_VALUE.match(text, end):
            hashed.update(text[start:at])
            start = end = value.end()
        at = text.find(name, end)
    hashed.update(text[start:])
    return hashed.digest()


def without(document: Document, volatile: frozenset[str]) -> dict[str, object]:
    return {key: value for key, value in document.items() if key not in volatile}


def by_id(value: object) -> object:
    """Sort a list of objects whose order means nothing; anything else is unchanged."""
    return sorted(cast("list[object]", value), key=_id_of) if isinstance(value, list) else value


def raw(document: Document, body: bytes | None = None, *, keep: frozenset[str] = frozenset()) -> bytes:
    """Write a document to be stored: numbers exact, links and secrets masked except for the fields in `keep`.

    `body` is the document's own text if the provider sent it alone; it is returned unchanged if nothing has to be
    masked.
    """
    if body is not None and body[:1] == b"{" and b"\\u" not in body:
        lowered = body.lower()
        if not any(suspect in lowered for suspect in _SUSPECT_BYTES):
            return body
    try:
        text = _EXACT.encode(document)
        lowered_text = text.lower()
        if any(suspect in lowered_text for suspect in _SUSPECTS):
            text = _EXACT.encode(_starred(document, keep))
    except RecursionError as error:
        raise InvalidAnswer("not JSON we read: nested too deep") from error
    return _MARKED_NUMBER.sub(r"\1", text).encode("ascii")


def masked_text(body: bytes) -> str:
    """The text of any JSON without links and secrets, numbers exact. Raises InvalidAnswer."""
    value = json_text.read(body)
    wrapped = raw({"answer": value})
    return wrapped.removeprefix(b'{"answer":').removesuffix(b"}").decode()


def _id_of(row: object) -> str:
    return str(cast("Mapping[str, object]", row).get("id")) if isinstance(row, dict) else ""


def _starred(value: object, keep: frozenset[str]) -> object:
    if isinstance(value, str):
        return _URL.sub("***", value)
    if isinstance(value, list):
        return [_starred(item, keep) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _starred_field(key, item, keep) for key, item in cast("dict[str, object]", value).items()}
    return value


def _starred_field(key: str, value: object, keep: frozenset[str]) -> object:
    if key in keep or not value:
        return value
    return "***" if isinstance(value, str) and _SECRET_KEY.search(key) else _starred(value, keep)


def _mark(value: object) -> str:
    """Let the C encoder write an exact number as text that is recognized afterwards; it cannot write Decimals."""
    if isinstance(value, Decimal):
        return f"{_MARK}{value}"
    raise TypeError(f"{type(value).__name__} is not JSON")


_CANONICAL = json.JSONEncoder(separators=(",", ":"), sort_keys=True, allow_nan=False, default=str)
_EXACT = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_mark)
