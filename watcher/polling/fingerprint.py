"""What is kept of the last look so that the next one can be told to have nothing new.

Three digests in a row: of the words as they were sent, of what they say, and of what the configuration adds to that.
Equal words say the same; where they differ, only reading them tells.
"""

from collections.abc import Hashable
from functools import lru_cache
from hashlib import blake2b

_TEXT = 16
_DOCUMENT = 16
_NO_TEXT = bytes(_TEXT)


@lru_cache(maxsize=4096)
def digest(added: Hashable) -> bytes:
    """Of what the configuration adds: many watches share it."""
    return blake2b(repr(added).encode(), digest_size=8).digest()


def joined(text: bytes, document: bytes, added: bytes) -> bytes:
    return (text or _NO_TEXT) + document + added


def known_text(kept: bytes | None, added: bytes) -> bytes | None:
    """The digest of words that would say nothing new, as the configuration is now."""
    if kept is None or kept[_TEXT + _DOCUMENT :] != added or kept.startswith(_NO_TEXT):
        return None
    return kept[:_TEXT]


def say_the_same(one: bytes, kept: bytes | None) -> bool:
    """Whether both say the same, in whatever words."""
    return kept is not None and one[_TEXT:] == kept[_TEXT:]
