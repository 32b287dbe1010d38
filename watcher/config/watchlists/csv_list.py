"""Watch lists in CSV: `source,invoice_id,tags,due_on,note` in any order, tags separated by `;`."""

import csv
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from watcher.config.toml.messages import meant, shown
from watcher.config.toml.reading import MISTAKES_SHOWN, Problem, Reading, Unreadable
from watcher.config.watchlists.rows import check_id, check_note, check_source, read_date, read_tags
from watcher.core.exports import csv_tables
from watcher.core.exports.csv_text import original
from watcher.ports import DesiredWatch

COLUMNS = csv_tables.WATCH_LIST
_IGNORED = frozenset(csv_tables.WATCHES.columns) - frozenset(COLUMNS)
"""What an exported list of watches has besides: it may be imported as it is."""
_REQUIRED = ("source", "invoice_id")
HEADER_LINE = 1
_T = TypeVar("_T")


def read_csv(path: Path, reading: Reading, sources: Collection[str]) -> Iterator[DesiredWatch]:
    """The good rows; the mistakes in the others go to `reading`."""
    try:
        yield from csv_rows(reading.lines(path), path, reading, sources)
    except Unreadable as error:
        reading.problems.append(Problem(path, error.line, "", str(error)))


def csv_rows(
    text: Iterable[str], path: Path, reading: Reading, sources: Collection[str], delimiter: str = ","
) -> Iterator[DesiredWatch]:
    """`read_csv` of these lines, which mistakes call `path`. Raises Unreadable where the CSV itself breaks off."""
    lines = csv.reader(text, strict=True, delimiter=delimiter)
    try:
        header = [name.strip() for name in next(lines, list[str]())]
        if wrong := list(_header_mistakes(header)):
            reading.problems.extend(Problem(path, HEADER_LINE, "", words) for words in wrong)
            return
        yield from _Rows(path, reading, sources, header).read(lines)
    except csv.Error as error:
        raise Unreadable(f"is not CSV: {error}", max(1, lines.line_num)) from error


def _header_mistakes(header: list[str]) -> Iterator[str]:
    allowed = f"the first line must name columns of {','.join(COLUMNS)}"
    if not any(header):
        yield f"has no header, {allowed}"
        return
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        yield f"has columns that are not separated by commas, must be comma-separated: {allowed}"
        return
    for number, name in enumerate(header):
        if name in _IGNORED:
            continue
        if name not in COLUMNS:
            yield f"column {shown(name)} is unknown{meant(name, COLUMNS)}, {allowed}"
        if name in header[:number] and name in COLUMNS:
            yield f"column {shown(name)} is there twice, {allowed} once each"
    for name in _REQUIRED:
        if name not in header:
            yield f"column {shown(name)} is missing, {allowed}"


@dataclass(slots=True)
class _Rows:
    """Makes nothing for a good row but its entry: there may be a million of them."""

    path: Path
    reading: Reading
    sources: Collection[str]
    header: list[str]
    _names: dict[str, str] = field(default_factory=dict[str, str])
    _tags: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    _days: dict[str, date] = field(default_factory=dict[str, date])
    _good: bool = True
    _mistakes: int = 0

    def read(self, lines: Iterator[list[str]]) -> Iterator[DesiredWatch]:
        width = len(self.header)
        places = {name: number for number, name in enumerate(self.header)}
        self._names = {name: name for name in self.sources}
        # One more cell, always empty, is what an absent column reads.
        pick = itemgetter(*(places.get(name, width) for name in COLUMNS))
        last = self._line_of(lines)
        for cells in lines:
            line, last = last + 1, self._line_of(lines)
            if not any(cells):
                continue
            if len(cells) != width and not self._fits(line, cells, width):
                continue
            cells.extend([""] * (width + 1 - len(cells)))
            if self._mistakes > MISTAKES_SHOWN:
                words = "is not read from here on: it has too many mistakes above"
                self.reading.problems.append(Problem(self.path, line, "", words))
                return
            row = self._row(line, pick(cells))
            if row is not None:
                yield row

    @staticmethod
    def _line_of(lines: Iterator[list[str]]) -> int:
        return getattr(lines, "line_num", 0)

    def _fits(self, line: int, cells: list[str], width: int) -> bool:
        if len(cells) < width:
            return True
        words = f"has {len(cells)} columns, must have the {width} of the header"
        self.reading.problems.append(Problem(self.path, line, "", words))
        return False

    def _row(self, line: int, cells: tuple[str, ...]) -> DesiredWatch | None:
        """From cells in the order of `COLUMNS`."""
        source_text, id_text, tags_text, due_text, note = cells
        if "'" in source_text + id_text + tags_text + note:
            source_text, id_text, tags_text, note = map(original, (source_text, id_text, tags_text, note))
        self._good = True
        source, invoice_id = self._names.get(source_text.strip()), id_text.strip()
        if source is None:
            self._check(line, "source", check_source(source_text.strip(), self.sources))
        if (wrong := check_id(invoice_id)) is not None:
            self._check(line, "invoice_id", wrong)
        tags = self._tags_of(line, tags_text) if tags_text else ()
        due_on = self._day_of(line, due_text.strip()) if due_text else None
        if note:
            self._check(line, "note", check_note(note))
        if source is None or not self._good:
            return None
        return DesiredWatch(source, invoice_id, tags, due_on, note.strip() or None, str(self.path), line)

    def _tags_of(self, line: int, text: str) -> tuple[str, ...]:
        if text not in self._tags:
            texts = [part for part in text.split(";") if part.strip()]
            self._tags[text] = self._read(line, "tags", lambda: read_tags(texts)) or ()
        return self._tags[text]

    def _day_of(self, line: int, text: str) -> date | None:
        day = self._days.get(text)
        if day is None and text and (day := self._read(line, "due_on", lambda: read_date(text))) is not None:
            self._days[text] = day
        return day

    def _check(self, line: int, column: str, wrong: str | None) -> None:
        if wrong is not None:
            self._good = False
            self._mistakes += 1
            self.reading.problems.append(Problem(self.path, line, column, wrong))

    def _read(self, line: int, column: str, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except ValueError as error:
            self._check(line, column, str(error))
            return None
