"""Which fields differ between two snapshots."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from watcher.core.invoice import Snapshot
from watcher.core.snapshot import to_document

_IDENTITY = ("source", "id")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of the document that differs; nested ones by their path: `amounts.EUR.paid`, `customer.id`.

    `before` and `after` are JSON values, None where the field is null or its currency has no row.
    """

    field: str
    before: object
    after: object


def changes(before: Snapshot, after: Snapshot) -> tuple[FieldChange, ...]:
    """Every differing field once, in the document's order."""
    old, new = dict(_fields(before)), dict(_fields(after))
    names = [*new, *(name for name in old if name not in new)]
    return tuple(FieldChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))


def _fields(snapshot: Snapshot) -> Iterator[tuple[str, object]]:
    for name, value in to_document(snapshot).items():
        if name in _IDENTITY:
            continue
        if name == "amounts":
            for row in cast("list[dict[str, object]]", value):
                currency = row["currency"]
                yield from ((f"amounts.{currency}.{part}", told) for part, told in row.items() if part != "currency")
        elif name == "customer":
            yield from ((f"customer.{part}", told) for part, told in cast("dict[str, object]", value).items())
        else:
            yield name, value
