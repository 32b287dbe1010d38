"""What both forms of watch list share: the checks of one mention of an invoice."""

import re
from collections.abc import Collection, Sequence
from datetime import date

from watcher.config.toml.messages import meant, one_of, shown
from watcher.config.values.types import check_tag, tags

LONGEST_ID = 255
LONGEST_NOTE = 1000

_USUAL = 3
"""Characters of an id that is certainly allowed; this check is faster than matching it."""
_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,255}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def check_id(text: str) -> str | None:
    """What is wrong with an invoice id, in words; None if it is fine."""
    if text.isprintable() and _USUAL <= len(text) <= LONGEST_ID:
        return None
    if _ID.fullmatch(text) and text not in {".", ".."}:
        return None
    if not text:
        return f"is empty, must be an invoice id of 1 to {LONGEST_ID} characters"
    return (
        f"{shown(text)} is not an invoice id, must be 1 to {LONGEST_ID} characters, no control characters, not . or .."
    )


def check_source(text: str, known: Collection[str]) -> str | None:
    if text in known:
        return None
    allowed = one_of(known) if known else "one of [sources] in the config file, which has none"
    return f"{shown(text)} is not a source{meant(text, known)}, must be {allowed}"


def check_note(text: str) -> str | None:
    return None if len(text) <= LONGEST_NOTE else f"has {len(text)} characters, at most {LONGEST_NOTE}"


def read_tags(texts: Sequence[str]) -> tuple[str, ...]:
    """Raises ValueError, with a message for users."""
    return tags([check_tag(text) for text in texts])


def read_date(text: str) -> date:
    """Raises ValueError, with a message for users."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{shown(text)} is not a day, must be one such as 2026-12-01")
