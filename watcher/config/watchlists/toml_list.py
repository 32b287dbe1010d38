"""Watch lists in TOML: one source, its invoices as bare ids or as `[[invoice]]` tables."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar, cast

from watcher.config.toml.messages import shown
from watcher.config.toml.positions import KeyPath
from watcher.config.toml.reading import Reading, Table, TomlFile
from watcher.config.toml.tables import unknown_keys
from watcher.config.watchlists.rows import check_id, check_note, check_source, read_date, read_tags
from watcher.ports import DesiredWatch

_T = TypeVar("_T")

KEYS = ("source", "tags", "invoices", "invoice")
INVOICE_KEYS = ("id", "tags", "due_on", "note")


def read_toml(path: Path, reading: Reading, sources: Collection[str]) -> Iterator[DesiredWatch]:
    """The good rows; the mistakes in the others go to `reading`."""
    file = reading.toml(path)
    return iter(()) if file is None else _List(file, reading, sources).rows()


@dataclass(slots=True)
class _List:
    file: TomlFile
    reading: Reading
    sources: Collection[str]

    def rows(self) -> Iterator[DesiredWatch]:
        table = self.file.table
        if not table:
            self.reading.warnings.append(f"{self.file.path}: lists nothing")
            return
        self.reading.problems.extend(unknown_keys(table, KEYS, file=self.file, path=()))
        name = str(self.file.path)
        source = self._source(table.get("source"))
        tags = self._tags(table, ())
        for number, value in enumerate(self._list(table, "invoices")):
            path = ("invoices", number)
            invoice_id = self._id(value, path)
            if invoice_id is not None and source is not None:
                yield DesiredWatch(source, invoice_id, tags, None, None, name, self.file.positions.line(path))
        for number, value in enumerate(self._list(table, "invoice")):
            row = self._invoice(value, ("invoice", number), source, tags)
            if row is not None:
                yield row

    def _wrong(self, path: KeyPath, words: str) -> None:
        self.reading.problems.append(self.file.problem(path, words))

    def _source(self, value: object) -> str | None:
        if value is None:
            self._wrong(("source",), "is missing, must be the name of a source")
        elif not isinstance(value, str):
            self._wrong(("source",), f"{shown(value)} is not text, must be the name of a source in quotes")
        elif (wrong := check_source(value, self.sources)) is not None:
            self._wrong(("source",), wrong)
        else:
            return value
        return None

    def _list(self, table: Table, key: str, path: KeyPath = ()) -> list[object]:
        value = table.get(key, [])
        if isinstance(value, list):
            return cast("list[object]", value)
        self._wrong((*path, key), f"{shown(value)} is not a list, must be one")
        return []

    def _tags(self, table: Table, path: KeyPath) -> tuple[str, ...]:
        values = self._list(table, "tags", path)
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) < len(values):
            self._wrong((*path, "tags"), "has something that is not text, must be a list of texts in quotes")
        return self._read((*path, "tags"), lambda: read_tags(texts)) or ()

    def _id(self, value: object, path: KeyPath) -> str | None:
        if isinstance(value, bool) or not isinstance(value, str | int):
            self._wrong(path, f"{shown(value)} is not an invoice id, must be text in quotes or a whole number")
            return None
        invoice_id = str(value)
        wrong = check_id(invoice_id)
        if wrong is None:
            return invoice_id
        self._wrong(path, wrong)
        return None

    def _invoice(
        self, value: object, path: KeyPath, source: str | None, list_tags: tuple[str, ...]
    ) -> DesiredWatch | None:
        if not isinstance(value, dict):
            self._wrong(path, f"{shown(value)} is not a table, must be one with {', '.join(INVOICE_KEYS)}")
            return None
        table = cast("Table", value)
        self.reading.problems.extend(unknown_keys(table, INVOICE_KEYS, file=self.file, path=path))
        if "id" not in table:
            self._wrong((*path, "id"), "is missing, must be an invoice id")
            return None
        invoice_id = self._id(table["id"], (*path, "id"))
        own_tags = self._tags(table, path)
        tags = self._read((*path, "tags"), lambda: read_tags((*list_tags, *own_tags))) if own_tags else list_tags
        due_on, note = self._due_on(table.get("due_on"), path), self._note(table.get("note"), path)
        if invoice_id is None or source is None:
            return None
        line = self.file.positions.line(path)
        return DesiredWatch(source, invoice_id, tags or (), due_on, note, str(self.file.path), line)

    def _due_on(self, value: object, path: KeyPath) -> date | None:
        if isinstance(value, str):
            return self._read((*path, "due_on"), lambda: read_date(value))
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        self._wrong((*path, "due_on"), f"{shown(value)} is not a day, must be one such as 2026-12-01")
        return None

    def _note(self, value: object, path: KeyPath) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong((*path, "note"), f"{shown(value)} is not text, must be text in quotes")
            return None
        if (wrong := check_note(value)) is not None:
            self._wrong((*path, "note"), wrong)
        return value or None

    def _read(self, path: KeyPath, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except ValueError as error:
            self._wrong(path, str(error))
            return None
