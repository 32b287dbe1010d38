"""What watch lists need from the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol


class DesiredWatch(NamedTuple):
    """One desired watch; entries of watch lists name their file and line. A tuple, because there may be millions."""

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
class WatchEdit:
    """New tags and a new note by hand. None leaves one as it is; no tags, or an empty note, take it away."""

    tags: tuple[str, ...] | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class WatchByHand:
    """What was set by hand for one watch; `listed_in` is the watch list that names it too, or alone."""

    tags: tuple[str, ...]
    note: str | None
    listed_in: str | None
    is_editable: bool
    """False if only a watch list names it: its tags and note are edited there."""


@dataclass(frozen=True, slots=True)
class KnownWatch:
    """`origins` are what wants the invoice watched, as in `watch list`."""

    origins: tuple[str, ...]
    is_retired: bool


@dataclass(frozen=True, slots=True)
class ListDigest:
    """What is stored about the watch lists that the stored watches match.

    `digest` covers everything that decides what a reading of them gives; `watches` and `warnings` are what it gave.
    """

    digest: str
    watches: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WatchLists:
    """One reading of all watch lists. `entries` is None if the digest is the stored one: nobody needs them then."""

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
    takes_hints: bool = False


class Watches(Protocol):
    async def sync_sources(self, sources: Sequence[SourceRow], now: datetime) -> None:
        """Store the configured sources; watches of other sources are orphaned and not polled."""
        ...

    async def apply_lists(
        self, entries: Sequence[DesiredWatch], now: datetime, *, confirmed: bool, mark: ListDigest | None = None
    ) -> ListsApplied:
        """Make the watches of origin "file" match. To stop more than half of them (and over 10) needs `confirmed`.

        The digest is stored once all of them match, and deleted before one of them does not.
        """
        ...

    async def list_digest(self) -> ListDigest | None:
        """Which lists the stored watches match, if that is known."""
        ...
