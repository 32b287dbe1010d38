"""Reads the stored texts without believing that they can be read."""

import json
from collections.abc import Mapping
from typing import Any, cast

from watcher.core.invoices.invoice import Snapshot
from watcher.core.invoices.snapshot import from_document

Document = Mapping[str, Any]


def read(text: str | bytes | None) -> Document:
    """The object; an empty one if there is none, or nothing that can be read."""
    try:
        document: object = json.loads(text or "{}")
    except ValueError:
        return {}
    return cast("Document", document) if isinstance(document, dict) else {}


def read_snapshot(document: Document) -> Snapshot | None:
    """None if it is none."""
    try:
        return from_document(document, None)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
