"""Makes the stored watches match the configured lists, and holds back a change that looks like an accident."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from watcher.core.errors import StoreUnavailable
from watcher.ports import DesiredWatch, ListDigest, ListsApplied, Watches, WatchLists

_log = structlog.get_logger()

HELD_FOR = timedelta(seconds=60)

_Entry = tuple[str, str, tuple[str, ...], date | None, str | None]


@dataclass(frozen=True, slots=True)
class _Held:
    lists: WatchLists
    entries: frozenset[_Entry]
    since: datetime


class ListKeeper:
    """Holds back a change that would stop more than half of the configured watches, until it is confirmed.

    An operator confirms it, or a second reading. An empty file, a list cut in half by a full disk, a forgotten mount:
    all of them look like a request to stop watching.
    """

    def __init__(self, watches: Watches) -> None:
        self._watches = watches
        self._held: _Held | None = None

    @property
    def held_since(self) -> datetime | None:
        """Since when a change is held back; None if the stored watches match the lists."""
        return self._held.since if self._held else None

    def wants_reading(self, now: datetime) -> bool:
        """True if the held reading should be applied once more: that would end the hold now."""
        return self._held is not None and now - self._held.since >= HELD_FOR

    async def stored(self) -> ListDigest | None:
        """Which lists the stored watches match; None if unknown."""
        try:
            return await self._watches.list_digest()
        except StoreUnavailable:
            return None

    async def apply(self, lists: WatchLists, now: datetime, *, forced: bool = False) -> ListsApplied:
        """Make the stored watches match one reading of all lists; `forced` if an operator asked for it (SIGHUP)."""
        if lists.entries is None:
            self._held = None
            return ListsApplied()
        same = self._held is not None and self._held.entries == _as_set(lists.entries)
        confirmed = forced or (same and self.wants_reading(now))
        applied = await self._watches.apply_lists(lists.entries, now, confirmed=confirmed, mark=lists.mark)
        if not applied.held:
            self._held = None
        elif not same:
            self._held = _Held(lists, _as_set(lists.entries), now)
        return applied

    async def apply_held(self, now: datetime) -> ListsApplied:
        """Apply the held reading once more."""
        return ListsApplied() if self._held is None else await self.apply(self._held.lists, now)


def _as_set(entries: Iterable[DesiredWatch]) -> frozenset[_Entry]:
    return frozenset(entry[:5] for entry in entries)


def log_applied(applied: ListsApplied) -> None:
    if applied.held:
        _log.error(
            "watchlists.held",
            problem="this reading would stop more than half of the configured watches; "
            "confirm it with SIGHUP (systemctl reload) to the service, which applies it by itself if it is still "
            "the same in a minute; a single run (--once) applies no more than half at a time",
        )
    elif applied.added or applied.changed or applied.removed:
        _log.info("watchlists.applied", added=applied.added, changed=applied.changed, removed=applied.removed)
