"""Watch lists in CSV: `source,invoice_id,tags,due_on,note` in any order, tags separated by `;`."""

import csv
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

from watcher.config.list_rows import ListRow, check_id, check_note, check_source, read_date, read_tags
from watcher.config.reading import MISTAKES_SHOWN, Problem, Reading, Unreadable
from watcher.config.wording import meant, shown

COLUMNS = ("source", "invoice_id", "tags", "due_on", "note")
_REQUIRED = ("source", "invoice_id")
_T = TypeVar("_T")


def read_csv(path: Path, reading: Reading, sources: Collection[str]) -> Iterator[ListRow]:
    """The good rows; what is wrong with the others goes to `reading`."""
    try:
        # `newline=""`: line ends inside quotes are the field's own.
        lines = csv.reader(io.StringIO(reading.text(path), newline=""), strict=True)
        try:
            header = [name.strip() for name in next(lines, list[str]())]
            if wrong := list(_header_mistakes(header)):
                reading.problems.extend(Problem(path, 1, "", words) for words in wrong)
                return
            yield from _Rows(path, reading, sources, header).read(lines)
        except csv.Error as error:
            raise Unreadable(f"is not CSV: {error}", max(1, lines.line_num)) from error
    except Unreadable as error:
        reading.problems.append(Problem(path, error.line, "", str(error)))


def _header_mistakes(header: list[str]) -> Iterator[str]:
    allowed = f"the first line must name columns of {','.join(COLUMNS)}"
    if not any(header):
        yield f"has no header, {allowed}"
        return
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        yield "has columns that are not separated by commas, must be comma-separated"
        return
    for number, name in enumerate(header):
        if name not in COLUMNS:
            yield f"column {shown(name)} is unknown{meant(name, COLUMNS)}, {allowed}"
        elif name in header[:number]:
            yield f"column {shown(name)} stands twice, {allowed} once each"
    for name in _REQUIRED:
        if name not in header:
            yield f"column {shown(name)} is missing, {allowed}"


@dataclass(slots=True)
class _Rows:
    path: Path
    reading: Reading
    sources: Collection[str]
    header: list[str]
    _tags: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    _good: bool = True
    _mistakes: int = 0

    def read(self, lines: Iterator[list[str]]) -> Iterator[ListRow]:
        width = len(self.header)
        places = {name: number for number, name in enumerate(self.header)}
        source_at, id_at = places["source"], places["invoice_id"]
        optional = [places.get(name, width) for name in COLUMNS[2:]]
        last = self._line_of(lines)
        for cells in lines:
            line, last = last + 1, self._line_of(lines)
            if not any(cells):
                continue
            if len(cells) != width and not self._fits(line, cells, width):
                continue
            # One more cell, always empty, is what an absent column reads.
            padded = [*cells, *[""] * (width + 1 - len(cells))]
            if self._mistakes > MISTAKES_SHOWN:
                words = "is not read from here on: it has too many mistakes above"
                self.reading.problems.append(Problem(self.path, line, "", words))
                return
            row = self._row(line, padded[source_at].strip(), padded[id_at].strip(), [padded[at] for at in optional])
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

    def _row(self, line: int, source: str, invoice_id: str, optional: list[str]) -> ListRow | None:
        self._good = True
        self._check(line, "source", check_source(source, self.sources))
        self._check(line, "invoice_id", check_id(invoice_id))
        tags_text, due_text, note = optional
        tags: tuple[str, ...] | None = ()
        due_on: date | None = None
        if tags_text and (tags := self._tags.get(tags_text)) is None:
            tags = self._read(line, "tags", lambda: read_tags([text for text in tags_text.split(";") if text.strip()]))
            self._tags[tags_text] = tags or ()
        if due_text.strip():
            due_on = self._read(line, "due_on", lambda: read_date(due_text.strip()))
        if note:
            self._check(line, "note", check_note(note))
        return ListRow(line, source, invoice_id, tags or (), due_on, note.strip() or None) if self._good else None

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
