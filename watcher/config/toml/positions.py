"""Finds the line of each key in a TOML text: tomllib gives values without positions.

It only reads text that tomllib has accepted, so it refuses nothing and stays small.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the top of the document, such as `("sources", "acme", "api_key")`."""

_BASIC = r'"(?:\\.|[^"\\\n])*"'
_LITERAL = r"'[^'\n]*'"
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(rf"[ \t]*(?:(?P<bare>[A-Za-z0-9_-]+)|(?P<quoted>{_BASIC}|{_LITERAL}))[ \t]*(?P<dot>\.)?")
_SCALAR = re.compile(
    # Up to two quotes may precede the closing three of a multi-line string and belong to its content.
    rf"""(?s:\"\"\"(?:[^\\"]+|\\.|"(?!""))*\"\"\""{{0,2}}|'''.*?''''{{0,2}})|{_BASIC}|{_LITERAL}"""
    # A space may separate a date and a time.
    r"|[^\s,\]}#\"']+(?:[ ][0-9][^\s,\]}#]*)?"
)


class Positions:
    """Lines, counted from 1, of all keys and list items of a document."""

    def __init__(self, lines: Mapping[KeyPath, int]) -> None:
        self.lines = lines

    def line(self, path: KeyPath) -> int:
        """The line of this key; if it is not in the text, that of the closest table or list around it."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return line
        return 1


def positions(text: str) -> Positions:
    """Find the line of every key. `text` must be valid TOML. Raises RecursionError if it is nested too deeply."""
    return Positions(_Scan(text).document())


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip_blank()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip_blank()
        return self._lines

    def _skip_blank(self) -> None:
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _line(self) -> int:
        return bisect_right(self._newlines, self._at) + 1

    def _header(self) -> KeyPath:
        line = self._line()
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        parts = self._key()
        self._at += brackets
        path: KeyPath = ()
        for part in parts[:-1]:
            path = (*path, part)
            self._lines.setdefault(path, line)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        path = (*path, parts[-1])
        self._lines.setdefault(path, line)
        if brackets == 1:
            return path
        index = self._counts.get(path, 0)
        self._counts[path] = index + 1
        path = (*path, index)
        self._lines[path] = line
        return path

    def _key(self) -> list[str]:
        parts: list[str] = []
        while match := _KEY.match(self._text, self._at):
            self._at = match.end()
            parts.append(match["bare"] or _unquoted(match["quoted"]))
            if not match["dot"]:
                break
        return parts

    def _pair(self, path: KeyPath) -> None:
        line = self._line()
        for part in self._key():
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._at += 1
        self._skip_blank()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._at]
        if opening == "[":
            self._items(path)
        elif opening == "{":
            self._inline_table(path)
        elif match := _SCALAR.match(self._text, self._at):
            self._at = match.end()

    def _items(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while not self._closes("]"):
            item = (*path, index)
            self._lines[item] = self._line()
            self._value(item)
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while not self._closes("}"):
            self._pair(path)

    def _closes(self, bracket: str) -> bool:
        """Skip blanks and a comma; also the closing bracket if it is next, or if the text has ended."""
        self._skip_blank()
        if self._text.startswith(",", self._at):
            self._at += 1
            self._skip_blank()
        if self._at < len(self._text) and self._text[self._at] != bracket:
            return False
        self._at += 1
        return True


def _unquoted(key: str) -> str:
    if "\\" not in key:
        return key[1:-1]
    return str(tomllib.loads(f"key = {key}")["key"])
