"""Reads parts of an HTTP answer within limits: encoded bodies, dates, Retry-After."""

import email.utils
import functools
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from watcher.core.errors import ProviderUnavailable

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_RETRY_AFTER = timedelta(hours=1)
"""A longer one is cut: one wrong header must not stop an account for a day."""

_FRESH = timedelta(0)
_WHOLE_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


class AnswerTooLong(ProviderUnavailable):
    """It is over 8 MiB: the same request gets no shorter answer, but one for fewer invoices may."""


def decoded(body: bytes, encoding: str) -> bytes:
    if encoding in {"", "identity"} or not body:
        return body
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise ProviderUnavailable(f"the answer is encoded as {encoding[:40]!r}, which was not asked for")
    raw_deflate = encoding == "deflate" and body[0] & 0x0F != zlib.DEFLATED  # some servers omit the zlib frame
    inflater = zlib.decompressobj(-zlib.MAX_WBITS if raw_deflate else zlib.MAX_WBITS | 32)
    try:
        plain = inflater.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise ProviderUnavailable(f"the answer's {encoding} encoding is broken") from error
    if len(plain) > MAX_BODY_BYTES:
        raise AnswerTooLong(f"the answer is longer than {MAX_BODY_BYTES} bytes when unpacked")
    if not inflater.eof or inflater.unused_data:
        raise ProviderUnavailable(f"the answer's {encoding} encoding is broken")
    return plain


@functools.lru_cache(maxsize=16)
def http_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        parsed = email.utils.parsedate_to_datetime(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def age(headers: Mapping[str, str]) -> timedelta:
    """For how long a cache on the way has kept the answer (RFC 9111 §5.1); zero if it is fresh or nothing says so."""
    seconds = headers.get("age")
    if seconds is None or not _WHOLE_SECONDS.fullmatch(seconds.strip()):
        return _FRESH
    return timedelta(seconds=int(seconds))


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    milliseconds, seconds = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(milliseconds):
        wait = timedelta(milliseconds=float(milliseconds))
    elif _SECONDS.fullmatch(seconds):
        wait = timedelta(seconds=float(seconds))
    elif (instant := http_date(seconds)) is not None:
        wait = instant - now
    else:
        return None
    return min(max(wait, timedelta()), MAX_RETRY_AFTER)
