"""Watch lists: finds the files, and unites all mentions of an invoice into one watch."""

import glob
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import cast

from watcher import __version__
from watcher.config.toml.messages import one_of, shown
from watcher.config.toml.reading import Problem, Reading, TomlFile
from watcher.config.values.types import MOST_TAGS
from watcher.config.watchlists.csv_list import read_csv
from watcher.config.watchlists.toml_list import read_toml
from watcher.core.errors import ConfigError
from watcher.ports import DesiredWatch, ListDigest, WatchLists

READING = 1
"""Increase it with every change of what a list means or how its watches are stored: then all are read again."""

_GLOB = frozenset("*?[")
_WARNINGS_SHOWN = 20
SUFFIXES = (".toml", ".csv")
_READERS: dict[str, Callable[[Path, Reading, Collection[str]], Iterator[DesiredWatch]]] = {
    ".toml": read_toml,
    ".csv": read_csv,
}


def read_lists(
    file: TomlFile,
    patterns: Sequence[str],
    reading: Reading,
    sources: Collection[str],
    stored: ListDigest | None = None,
) -> WatchLists:
    """The united watches of all lists that the patterns name; mistakes in them go to `reading`.

    If the stored digest is still right the lists are not read: only their content is hashed.
    """
    paths = tuple(_list_files(file, patterns, reading))
    if stored is not None and stored.digest == _digest(paths, reading, sources):
        reading.warnings.extend(stored.warnings)
        return WatchLists(stored, None)
    before = len(reading.warnings)
    entries = _united(paths, reading, sources)
    digest, warnings = _digest(paths, reading, sources), tuple(reading.warnings[before:])
    return WatchLists(ListDigest(digest, len(entries), warnings), entries)


def read_list(path: Path, sources: Collection[str]) -> tuple[tuple[DesiredWatch, ...], tuple[str, ...]]:
    """The united watches of one list, and warnings. Raises ConfigError with all its mistakes."""
    reading = Reading(path, {})
    if path.suffix not in SUFFIXES:
        raise ConfigError((f"{path}: is not a watch list, must end in {one_of(SUFFIXES)}",))
    entries = _united([path], reading, sources)
    if reading.problems:
        raise ConfigError(reading.problem_lines())
    return entries, tuple(reading.warnings)


def place_of(file: str, source: str, invoice_id: str, sources: Collection[str]) -> str:
    """File and line of an invoice in a list as it is now; only the file if it is not found there."""
    path = Path(file)
    reader = _READERS.get(path.suffix)
    rows = iter(()) if reader is None else reader(path, Reading(path, {}), sources)
    return next((row.where for row in rows if (row.source, row.invoice_id) == (source, invoice_id)), file)


def _digest(paths: Iterable[Path], reading: Reading, sources: Collection[str]) -> str:
    """A digest of everything that decides what reading these files gives, including the program that reads them."""
    found = blake2b(digest_size=32)
    files = [part for path in paths for part in (os.fsencode(path), reading.digest(path))]
    for part in (f"{READING} {__version__}".encode(), " ".join(sorted(sources)).encode(), *files):
        found.update(len(part).to_bytes(8))
        found.update(part)
    return found.hexdigest()


def _united(paths: Iterable[Path], reading: Reading, sources: Collection[str]) -> tuple[DesiredWatch, ...]:
    union = _Union(reading)
    for path in paths:
        union.add(path, _READERS[path.suffix](path, reading, sources))
    return union.entries()


def matching(base: Path, pattern: str) -> list[Path]:
    """The paths that a glob of `watcher.watchlists` matches now, sorted."""
    return [base / found for found in sorted(glob.glob(pattern, root_dir=base, recursive=True))]  # noqa: PTH207 - Path.glob refuses absolute patterns


def _list_files(file: TomlFile, patterns: Sequence[str], reading: Reading) -> Iterable[Path]:
    files: dict[str, Path] = {}
    written = "watchlists" in _watcher_table(file)
    for number, pattern in enumerate(patterns):
        place = ("watcher", "watchlists", number)
        is_glob = not _GLOB.isdisjoint(pattern)
        found = matching(reading.base, pattern) if is_glob else [reading.base / pattern]
        if not found and written:
            reading.warnings.append(str(file.problem(place, f"{shown(pattern)} matches no file")))
        for path in found:
            if path.suffix in SUFFIXES:
                # Noted even if another spelling of the same file is the one that is read.
                reading.note(path)
                files.setdefault(os.path.realpath(path), path)
                continue
            problem = file.problem(place, f"{path} is not a watch list, must end in .toml or .csv")
            if is_glob:
                reading.warnings.append(str(problem))
            else:
                reading.problems.append(problem)
    return files.values()


def _watcher_table(file: TomlFile) -> Collection[str]:
    table = file.table.get("watcher")
    return cast("Collection[str]", table) if isinstance(table, dict) else ()


@dataclass(slots=True)
class _Union:
    reading: Reading
    _seen: defaultdict[str, dict[str, DesiredWatch]] = field(
        default_factory=lambda: defaultdict[str, dict[str, DesiredWatch]](dict)
    )
    """By source and invoice id: a key of both would be a tuple for each of a million entries."""
    _repeats: list[str] = field(default_factory=list[str])

    def add(self, path: Path, rows: Iterable[DesiredWatch]) -> None:
        seen = self._seen
        for row in rows:
            of_source = seen[row.source]
            first = of_source.setdefault(row.invoice_id, row)
            if first is not row:
                of_source[row.invoice_id] = self._both(path, row, first)

    def _both(self, path: Path, row: DesiredWatch, first: DesiredWatch) -> DesiredWatch:
        name = f"invoice {shown(row.invoice_id)} of {row.source}"
        if row.due_on is not None and first.due_on is not None and row.due_on != first.due_on:
            words = f"{row.due_on} for {name} differs from {first.due_on} at {first.where}, must be the same"
            self.reading.problems.append(Problem(path, row.line, "due_on", words))
        tags = tuple(dict.fromkeys((*first.tags, *row.tags)))
        if len(tags) > MOST_TAGS:
            words = f"{name} has {len(tags)} tags together with {first.where}, at most {MOST_TAGS}"
            self.reading.problems.append(Problem(path, row.line, "tags", words))
        self._repeats.append(f"{row.where}: {name} is listed at {first.where} already: both are united")
        due_on = row.due_on if first.due_on is None else first.due_on
        return first._replace(tags=tags, due_on=due_on, note=first.note or row.note)

    def entries(self) -> tuple[DesiredWatch, ...]:
        self.reading.warnings.extend(islice(self._repeats, _WARNINGS_SHOWN))
        if len(self._repeats) > _WARNINGS_SHOWN:
            rest = len(self._repeats) - _WARNINGS_SHOWN
            self.reading.warnings.append(f"and {rest} more invoices that are listed more than once")
        return tuple(entry for of_source in self._seen.values() for entry in of_source.values())
