"""Reads values as providers really write them.

The readers named for a type (`instant`, `day`, `text`, …) turn what they cannot read into None. The strict ones
(`amount`, `identifier`, `word`, `currency`) raise ValueError, which a wire model reports with the field's name.
"""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal

NAME_LENGTH = 200
ERROR_LENGTH = 500
WORD_LENGTH = 64

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)

_NUMBER = re.compile(r"[+-]?\d{1,60}(\.\d{0,60})?([eE][+-]?\d{1,3})?", re.ASCII)
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
"""Control characters and lone surrogates: databases and encoders refuse them."""

_EMAIL = re.compile(r"[^\s@<>\"'(),;:]{1,64}@[^\s@<>\"'(),;:]{1,255}")
_DIGITS = re.compile(r"\d{5,}")
_GROUPED_DIGITS = re.compile(r"\+?\d(?:[ ().-]{0,2}\d){8,}")
"""Card and telephone numbers written in groups. Nine digits and more, so that a date stays readable."""
_TOKEN = re.compile(r"(?=[^\s\d]*\d)[\w.~+/=-]{24,}", re.ASCII)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def instant(value: object) -> datetime | None:
    """Read ISO 8601 in UTC. Without offset it is taken as UTC; beyond the years 1 to 9999 it is the nearest instant."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC)
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        return _FIRST if parsed.year == 1 else _LAST


def to_utc(local_time: datetime | None, zone: tzinfo) -> datetime | None:
    """Of a local time that comes twice, the first one; a time that a clock change skips continues the offset before.

    None if UTC cannot express it (the ends of the years 1 and 9999).
    """
    if local_time is None:
        return None
    try:
        return (local_time if local_time.tzinfo else local_time.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None


def comes_twice(local_time: datetime | None, zone: tzinfo) -> bool:
    if local_time is None or local_time.tzinfo:
        return False
    first = local_time.replace(tzinfo=zone)
    return first.utcoffset() != first.replace(fold=1).utcoffset()


def unix_instant(value: object) -> datetime | None:
    """Unix seconds, whole or with a fraction; 0 means that nothing is set."""
    try:
        seconds = amount(value)
        return datetime.fromtimestamp(float(seconds), UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def revision(*changed_at: datetime | None) -> int | None:
    """`Invoice.revision` of instants at which the provider says that something changed: the latest, in microseconds."""
    latest = max((instant for instant in changed_at if instant is not None), default=None)
    return None if latest is None else (latest - _EPOCH) // timedelta(microseconds=1)


def day(value: object) -> date | None:
    """Read an ISO date; of a date with a time, the date as written."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value.strip()[:10])
    except ValueError:
        return None


def text(value: object) -> str | None:
    """One line of text without control characters; None if it is empty. Whole numbers are accepted as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return None
    return _UNFIT.sub(" ", value).strip() or None


def number(value: object) -> Decimal | None:
    try:
        return amount(value)
    except ValueError:
        return None


def flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def amount(value: object) -> Decimal:
    """Read a number, or a decimal number as text, exactly. A boolean is no number, and neither is a float."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    raise ValueError(f"a number is expected, not {_kind(value)}")


def amount_or_zero(value: object) -> Decimal:
    return Decimal(0) if value is None or value == "" else amount(value)


def count(value: object) -> int:
    """Read a number of times, never negative; 0 if it cannot be read. Absurd ones are cut to 32 bits."""
    found = number(value)
    return int(min(max(found, Decimal(0)), Decimal(2**31 - 1))) if found is not None and found.is_finite() else 0


def identifier(value: object) -> str:
    found = text(value)
    if found is None:
        raise ValueError(f"an id is expected, not {_kind(value)}")
    return found[:NAME_LENGTH]


def word(value: object) -> str:
    found = text(value)
    if found is None:
        raise ValueError(f"a word is expected, not {_kind(value)}")
    return found[:WORD_LENGTH]


def word_or_empty(value: object) -> str:
    return (text(value) or "")[:WORD_LENGTH]


def currency(value: object) -> str:
    """Read a currency code in capitals; anything else that a provider calls a currency stays, cut to length."""
    found = word(value)
    return found.upper() if len(found) <= 5 and found.isascii() else found  # noqa: PLR2004  # as long as codes get


def word_key(text_value: str) -> str:
    """A word without its spelling: `PartiallyPaid` and `PARTIALLY_PAID` give the same."""
    return text_value.replace("_", "").replace("-", "").replace(" ", "").lower()


def screaming_snake(text_value: str) -> str:
    return _HUMP.sub("_", text_value).replace("-", "_").replace(" ", "_").upper()


def cut(text_value: str | None, length: int) -> str | None:
    return text_value[:length] if text_value else None


def masked(text_value: str) -> str:
    """Free text without personal data: e-mail addresses, and digits of a possible card, account or telephone."""
    return _DIGITS.sub("***", _GROUPED_DIGITS.sub("***", _EMAIL.sub("***", text_value)))


def error_text(value: object) -> str | None:
    """What a provider says about a failed payment, safe for a snapshot."""
    text_value = text(value)
    return cut(masked(text_value[: 4 * ERROR_LENGTH]), ERROR_LENGTH) if text_value else None


def quoted(value: object) -> str:
    """A provider's message for an operator: masked, without anything that looks like a key, one line."""
    text_value = text(value) or ""
    return masked(_TOKEN.sub("***", text_value[:ERROR_LENGTH]))[:NAME_LENGTH]


def _kind(value: object) -> str:
    return _KINDS.get(type(value), type(value).__name__)


_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "true or false",
    str: "other text",
    int: "a number",
    Decimal: "a number",
    list: "a list",
    dict: "an object",
}
