"""What watch lists need from the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WatchEntry:
    """One wish to watch. `where` is `file:line` for entries from watch lists."""

    source: str
    invoice_id: str
    tags: tuple[str, ...] = ()
    due_on: date | None = None
    note: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class ListsApplied:
    added: int = 0
    changed: int = 0
    removed: int = 0
    held: bool = False
    """The lists would stop more than half of the configured watches: nothing was removed."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A configured source as the store keeps it."""

    name: str
    provider: str
    enabled: bool = True


class Watches(Protocol):
    async def sync_sources(self, sources: Sequence[SourceRow], now: datetime) -> None:
        """Learn the configured sources; watches of the others are orphaned and not polled."""
        ...

    async def apply_lists(self, entries: Sequence[WatchEntry], now: datetime, *, confirmed: bool) -> ListsApplied:
        """Make the watches of origin "file" match; more than half (and over 10) stopped needs `confirmed`."""
        ...
