"""Makes the stored watches match the configured lists, and holds back a change that looks like an accident."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from watcher.ports import ListsApplied, WatchEntry, Watches

HELD_FOR = timedelta(seconds=60)

_Wish = tuple[str, str, tuple[str, ...], date | None, str | None]


@dataclass(frozen=True, slots=True)
class _Held:
    wishes: frozenset[_Wish]
    since: datetime


class ListKeeper:
    """A change that would stop more than half of the configured watches waits for an operator, or for a second look.

    An empty file, a list cut in half by a full disk, a forgotten mount: all of them look like a wish to stop watching.
    """

    def __init__(self, watches: Watches) -> None:
        self._watches = watches
        self._held: _Held | None = None

    @property
    def held_since(self) -> datetime | None:
        """Since when a change is held back; None where the stored watches match the lists."""
        return self._held.since if self._held else None

    def wants_reading(self, now: datetime) -> bool:
        """True where the lists should be read once more: the same reading now would end the holding."""
        return self._held is not None and now - self._held.since >= HELD_FOR

    async def apply(self, entries: Sequence[WatchEntry], now: datetime, *, forced: bool = False) -> ListsApplied:
        """Match the stored watches to one reading of all lists; `forced` where an operator asked for it (SIGHUP)."""
        wishes = frozenset((one.source, one.invoice_id, one.tags, one.due_on, one.note) for one in entries)
        same = self._held is not None and self._held.wishes == wishes
        applied = await self._watches.apply_lists(entries, now, confirmed=forced or (same and self.wants_reading(now)))
        if not applied.held:
            self._held = None
        elif not same:
            self._held = _Held(wishes, now)
        return applied
