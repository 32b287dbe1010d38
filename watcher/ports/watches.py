"""What watch lists need from the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol


class DesiredWatch(NamedTuple):
    """One wish to watch; those of watch lists say in which file and line they stand. A tuple: there may be millions."""

    source: str
    invoice_id: str
    tags: tuple[str, ...] = ()
    due_on: date | None = None
    note: str | None = None
    file: str | None = None
    line: int = 0

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class ListDigest:
    """What is remembered of the lists that the stored watches match.

    `digest` is of all that decides what a reading of them says; `watches` and `warnings` are what it said.
    """

    digest: str
    watches: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WatchLists:
    """One reading of all watch lists. `entries` is None where the mark is the stored one: nobody needs them then."""

    mark: ListDigest
    entries: tuple[DesiredWatch, ...] | None


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

    async def apply_lists(
        self, entries: Sequence[DesiredWatch], now: datetime, *, confirmed: bool, mark: ListDigest | None = None
    ) -> ListsApplied:
        """Make the watches of origin "file" match; more than half (and over 10) stopped needs `confirmed`.

        `mark` is remembered once all of them do, and forgotten before one of them does not.
        """
        ...

    async def list_digest(self) -> ListDigest | None:
        """Which lists the stored watches match, where that is remembered."""
        ...
