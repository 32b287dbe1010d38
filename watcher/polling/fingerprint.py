"""The fingerprint of the last poll, by which the next one is recognized as unchanged.

Three digests in a row: of the bytes as they were sent, of their content, and of what the configuration adds. Equal
bytes mean equal content; if the bytes differ, the content has to be read.
"""

from datetime import date
from functools import lru_cache
from hashlib import blake2b

_TEXT = 16
_DOCUMENT = 16
_NO_TEXT = bytes(_TEXT)


@lru_cache(maxsize=4096)
def added(tags: tuple[str, ...], due_on: date | None, rules: str) -> bytes:
    """The digest of what the configuration adds to a watch's document: many watches share it."""
    return blake2b(f"({tags!r}, {due_on!r}, {rules})".encode(), digest_size=8).digest()


def joined(text: bytes, document: bytes, added: bytes) -> bytes:
    return (text or _NO_TEXT) + document + added


def known_text(kept: bytes | None, added: bytes) -> bytes | None:
    """The digest of the bytes that would say nothing new under the present configuration."""
    if kept is None or kept[_TEXT + _DOCUMENT :] != added or kept.startswith(_NO_TEXT):
        return None
    return kept[:_TEXT]


def is_same_content(one: bytes, kept: bytes | None) -> bool:
    """Whether both have the same content, whatever their bytes."""
    return kept is not None and one[_TEXT:] == kept[_TEXT:]
