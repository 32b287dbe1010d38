"""How mistakes are worded."""

import difflib
import re
from collections.abc import Iterable

from watcher.config.toml.positions import KeyPath

_SHOWN_LENGTH = 60
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def shown(value: object) -> str:
    """A value as the user may have written it, cut. Never for secrets, nor for what may contain one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a table"
    text = str(value)
    cut = text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
    if not isinstance(value, str):
        return cut
    # Control characters in a message would let a file write to the reader's terminal.
    printable = cut if cut.isprintable() else cut.encode("unicode_escape").decode("ascii")
    return f'"{printable}"'


def one_of(words: Iterable[str]) -> str:
    """`a, b or c`."""
    known = list(words)
    return " or ".join(part for part in (", ".join(known[:-1]), *known[-1:]) if part)


def meant(word: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)` if a known word is close, else nothing."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f' (did you mean "{close[0]}"?)' if close else ""


def key_text(path: KeyPath) -> str:
    """`sources.acme.rate`, `watcher.due_soon[1]`; keys that need quotes in TOML have them."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else shown(part))
    return text
