"""Reads what people paste: invoice ids of one source, or the CSV of a watch list."""

import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from watcher.config.toml.messages import shown
from watcher.config.toml.reading import Problem, Reading, Unreadable
from watcher.config.values.types import MOST_TAGS
from watcher.config.watchlists.csv_list import HEADER_LINE, csv_rows
from watcher.config.watchlists.rows import check_id, check_source, read_tags
from watcher.core.errors import Refused
from watcher.core.exports.csv_text import original
from watcher.ports import DesiredWatch, LineState, PastedWatches, PreviewLine

MOST_BYTES = 1024 * 1024
MOST_WATCHES = 10_000
_INSTEAD = "add them with `invoice-watcher watch import FILE`, or name the file in [watcher] watchlists"
_SEPARATORS = re.compile(r"[\s,;]+")
_PASTED = Path("pasted")
_TEXT_SHOWN = 200


def read_pasted(pasted: PastedWatches, sources: Collection[str]) -> list[PreviewLine]:
    """Each line, in their order; good ones are NEW, and the first one of an invoice has what all of them say.

    Raises Refused if it is empty, too large, or has no header where there should be one.
    """
    size = len(pasted.text.encode("utf-8", "replace"))
    if size > MOST_BYTES:
        raise Refused(f"{size:,} bytes are too many, at most {MOST_BYTES:,}: {_INSTEAD}")
    if not pasted.text.strip():
        raise Refused("there is nothing to read: give invoice ids, or a CSV")
    rows = _csv(pasted, sources) if pasted.source is None else _ids(pasted, pasted.source, sources)
    return _Union().united(rows)


def _ids(pasted: PastedWatches, source: str, sources: Collection[str]) -> Iterator[DesiredWatch | PreviewLine]:
    if (wrong := check_source(source, sources)) is not None:
        raise Refused(f"the source {wrong}")
    try:
        tags = read_tags([tag for tag in pasted.tags if tag.strip()])
    except ValueError as error:
        raise Refused(f"tags: {error}") from error
    words = [
        (number, original(word))
        for number, line in enumerate(pasted.text.split("\n"), 1)
        for word in _SEPARATORS.split(line)
        if word
    ]
    if any(word in {"invoice_id", "source,invoice_id"} for _, word in words):
        raise Refused("the ids have the header of a CSV among them: give it as CSV")
    _check_count(len(words))
    for number, word in words:
        wrong = check_id(word)
        if wrong is None:
            yield DesiredWatch(source, word, tags, line=number)
        else:
            yield PreviewLine(number, LineState.INVALID, source, reason=f"invoice_id: {wrong}", text=_cut(word))


def _csv(pasted: PastedWatches, sources: Collection[str]) -> Iterator[DesiredWatch | PreviewLine]:
    """Cells copied out of a spreadsheet are separated by tabs."""
    text = pasted.text.lstrip("\ufeff").lstrip("\n")
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    reading, rows = Reading(_PASTED, {}), list[DesiredWatch]()
    try:
        rows.extend(csv_rows(io.StringIO(text, newline=""), _PASTED, reading, sources, delimiter))
    except Unreadable as error:
        reading.problems.append(Problem(_PASTED, error.line, "", str(error)))
    if header := [one.words for one in reading.problems if one.line == HEADER_LINE]:
        raise Refused(f"the CSV {header[0]}")
    _check_count(len(rows))
    lines = dict[int, list[str]]()
    for one in reading.problems:
        lines.setdefault(one.line, []).append(f"{one.key}: {one.words}" if one.key else one.words)
    given = text.split("\n")
    wrong = [
        PreviewLine(line, LineState.INVALID, reason="; ".join(words), text=_cut(given[line - 1]))
        for line, words in lines.items()
    ]
    yield from sorted((*rows, *wrong), key=lambda one: one.line)


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_SHOWN else f"{text[: _TEXT_SHOWN - 1]}…"


def _check_count(count: int) -> None:
    if count > MOST_WATCHES:
        raise Refused(f"{count:,} invoices are too many at once, at most {MOST_WATCHES:,}: {_INSTEAD}")


@dataclass(slots=True)
class _First:
    """The first mention of an invoice, united with those after it; `place` is where it stands in the result."""

    entry: DesiredWatch
    place: int


class _Union:
    """One watch for each invoice, however often it is named."""

    def __init__(self) -> None:
        self._lines: list[PreviewLine] = []
        self._firsts: dict[tuple[str, str], _First] = {}

    def united(self, rows: Iterator[DesiredWatch | PreviewLine]) -> list[PreviewLine]:
        for row in rows:
            if isinstance(row, PreviewLine):
                self._lines.append(row)
                continue
            first = self._firsts.setdefault((row.source, row.invoice_id), _First(row, len(self._lines)))
            if first.entry is row:
                self._lines.append(_line(row, LineState.NEW))
            else:
                self._repeat(row, first)
        for first in self._firsts.values():
            self._lines[first.place] = _line(first.entry, LineState.NEW)
        return self._lines

    def _repeat(self, row: DesiredWatch, first: _First) -> None:
        entry = first.entry
        tags = tuple(dict.fromkeys((*entry.tags, *row.tags)))
        if row.due_on is not None and entry.due_on is not None and row.due_on != entry.due_on:
            reason = f"due_on: {row.due_on} differs from {entry.due_on} in line {entry.line}, must be the same"
        elif len(tags) > MOST_TAGS:
            reason = f"tags: {shown(row.invoice_id)} has {len(tags)} with line {entry.line}, at most {MOST_TAGS}"
        else:
            first.entry = entry._replace(tags=tags, due_on=entry.due_on or row.due_on, note=entry.note or row.note)
            self._lines.append(_line(row, LineState.REPEATED, f"the same invoice as in line {entry.line}"))
            return
        self._lines.append(replace(_line(row, LineState.INVALID, reason), text=row.invoice_id))


def _line(row: DesiredWatch, state: LineState, reason: str = "") -> PreviewLine:
    return PreviewLine(row.line, state, row.source, row.invoice_id, row.tags, row.due_on, row.note, reason)
