"""One reading of the config: which files were read, and which mistakes were found."""

import io
import re
import stat
import tomllib
from collections.abc import Generator, Iterable, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import cast

from watcher.config.toml.messages import key_text
from watcher.config.toml.positions import KeyPath, Positions, positions

Table = Mapping[str, object]
Stamp = tuple[int, int, int] | None
"""Size, modification time in nanoseconds and inode of a file; None if it does not exist."""

LARGEST_FILE = 64 * 1024 * 1024
MISTAKES_SHOWN = 100
"""Per file: a list of 100,000 lines for a misspelt source need not be reported 100,000 times."""

_TOO_MANY_DIGITS = "is not TOML that is read: a number has thousands of digits"
_LONG_NUMBER = re.compile(r"0[xob][0-9A-Fa-f_]{3000}")
_MOST_BITS = 12_000

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PLACE = re.compile(r" \(at (?:line (?P<line>[0-9]+), column (?P<column>[0-9]+)|end of document)\)$")


def stamp(path: Path) -> Stamp:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


class Unreadable(Exception):
    """A file cannot be used as a whole; the message says why, `line` where."""

    def __init__(self, words: str, line: int = 1) -> None:
        super().__init__(words)
        self.line = line


@dataclass(frozen=True, slots=True)
class Problem:
    path: Path
    line: int
    key: str
    words: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.path}:{self.line}: {key}{self.words}"


@dataclass(frozen=True, slots=True)
class TomlFile:
    path: Path
    table: Table
    positions: Positions

    def problem(self, key: KeyPath, words: str) -> Problem:
        return Problem(self.path, self.positions.line(key), key_text(key), words)


@dataclass(slots=True)
class Reading:
    """What one reading of all files collects. `path` is the config file; relative paths start at its folder.

    `credentials` is kept between readings: systemd's credentials are read once in a process's life.
    """

    path: Path
    environment: Mapping[str, str]
    credentials: MutableMapping[str, str] = field(default_factory=dict[str, str])
    stamps: dict[Path, Stamp] = field(default_factory=dict[Path, Stamp])
    patterns: tuple[str, ...] = ()
    adapter_patterns: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[str] = field(default_factory=list[str])
    _digests: dict[Path, bytes] = field(default_factory=dict[Path, bytes])

    @property
    def base(self) -> Path:
        return self.path.parent

    def text(self, path: Path) -> str:
        """The file's UTF-8 text without a byte order mark. Raises Unreadable."""
        self.note(path)
        return _decoded(self._content(path))

    def lines(self, path: Path) -> Iterable[str]:
        """The lines of the file with their line ends, unchanged. Raises Unreadable, before the first line."""
        self.note(path)
        content = self._content(path)
        _decoded(content)
        # `newline=""`: line ends inside quotes belong to the field.
        return io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")

    def digest(self, path: Path) -> bytes:
        """A digest of the file's content as it was read; if it was not read, as it is now.

        Empty if it cannot be read.
        """
        return self._digests.get(path) or _digest_of(path)

    def note(self, path: Path) -> None:
        """Note the file's state. Before it is opened: a change while it is read must look like one afterwards."""
        self.stamps.setdefault(path, stamp(path))

    def toml(self, path: Path) -> TomlFile | None:
        """The file's document; None, with a problem, if it cannot be read."""
        try:
            text = self.text(path)
            return TomlFile(path, *_toml(text))
        except Unreadable as error:
            self.problems.append(Problem(path, error.line, "", str(error)))
        return None

    def _content(self, path: Path) -> bytes:
        content = _content(path)
        self._digests[path] = blake2b(content).digest()
        return content

    def problem_lines(self) -> tuple[str, ...]:
        """All problems as text: files in the order of reading, then by line."""
        order = {path: number for number, path in enumerate(self.stamps)}
        by_file: dict[Path, list[Problem]] = {}
        for problem in sorted(self.problems, key=lambda one: (order.get(one.path, len(order)), one.line)):
            by_file.setdefault(problem.path, []).append(problem)
        return tuple(line for path, problems in by_file.items() for line in _cut(path, problems))


def _cut(path: Path, problems: list[Problem]) -> Iterable[str]:
    # Two keys with one mistake (a default and its repetition) may have the same message.
    lines = list(dict.fromkeys(str(problem) for problem in problems))
    yield from lines[:MISTAKES_SHOWN]
    if len(lines) > MISTAKES_SHOWN:
        yield f"{path}: and {len(lines) - MISTAKES_SHOWN} more mistakes in this file"


def _content(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()


def _digest_of(path: Path) -> bytes:
    try:
        with _opened(path) as file:
            return file_digest(file, blake2b).digest()
    except Unreadable:
        return b""


@contextmanager
def _opened(path: Path) -> Generator[io.BufferedReader]:
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise Unreadable("is a directory, must be a file")
        if not stat.S_ISREG(facts.st_mode):
            raise Unreadable("is not a regular file")
        if facts.st_size > LARGEST_FILE:
            raise Unreadable(f"is larger than {LARGEST_FILE // 2**20} MiB, the largest file that is read")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from error


def _decoded(content: bytes) -> str:
    if content.startswith(_UTF16_MARKS):
        raise Unreadable("is UTF-16 text, must be UTF-8: save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable("is not UTF-8 text from here on, must be UTF-8: save it as UTF-8", line) from error


def _toml(text: str) -> tuple[Table, Positions]:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable("holds a NUL character, must be UTF-8 text", line)
    try:
        table = cast("Table", tomllib.loads(text))
        if _LONG_NUMBER.search(text) and _has_long_number(table):
            raise Unreadable(_TOO_MANY_DIGITS)
        return table, positions(text)
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        place = _PLACE.search(words)
        if place is None:
            raise Unreadable(f"is not TOML: {words}") from error
        line = int(place["line"]) if place["line"] else text.rstrip("\n").count("\n") + 1
        column = f" at column {place['column']}" if place["column"] else " at the end of the file"
        raise Unreadable(f"is not TOML: {words[: place.start()]}{column}", line) from error
    except RecursionError as error:
        raise Unreadable("is nested too deep") from error
    except ValueError as error:
        # int() refuses numbers of thousands of digits, and tomllib lets that error through.
        raise Unreadable(_TOO_MANY_DIGITS) from error


def _has_long_number(value: object) -> bool:
    """Whether a number is one that Python refuses to write: int() reads hexadecimal ones of any length."""
    if isinstance(value, dict):
        return any(_has_long_number(one) for one in cast("Table", value).values())
    if isinstance(value, list):
        return any(_has_long_number(one) for one in cast("list[object]", value))
    return isinstance(value, int) and value.bit_length() > _MOST_BITS
