"""The fields in which two snapshots differ."""

from collections.abc import Iterator
from typing import cast

from watcher.core.invoices.invoice import Snapshot
from watcher.core.invoices.snapshot import to_document
from watcher.core.json_text import Document
from watcher.core.value_object import value_object

_IDENTITY = ("source", "id")


@value_object
class FieldChange:
    """One field that differs; nested fields are named by their path: `amounts.EUR.paid`, `customer.id`.

    `before` and `after` are JSON values, None where the field is null or its currency has no row.
    """

    field: str
    before: object
    after: object


def changes(before: Snapshot, after: Snapshot) -> tuple[FieldChange, ...]:
    """Every differing field once, in the order of the document."""
    return document_changes(to_document(before), to_document(after))


def document_changes(before: Document, after: Document) -> tuple[FieldChange, ...]:
    """The same as `changes`, for two snapshots that are documents already, as the history stores them."""
    old, new = dict(_fields(before)), dict(_fields(after))
    names = [*new, *(name for name in old if name not in new)]
    return tuple(FieldChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))


def _fields(document: Document) -> Iterator[tuple[str, object]]:
    for name, value in document.items():
        if name in _IDENTITY:
            continue
        if name == "amounts":
            for row in cast("list[dict[str, object]]", value):
                currency = row["currency"]
                yield from ((f"amounts.{currency}.{part}", value) for part, value in row.items() if part != "currency")
        elif name == "customer":
            yield from ((f"customer.{part}", value) for part, value in cast("dict[str, object]", value).items())
        else:
            yield name, value
