"""Decides when a round through a source's lists is worthwhile, and when the next may follow.

Pure: time is passed in.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from watcher.ports import ClaimedWatch, ListSyncKind

LEAST_REQUESTS = 10
"""With fewer single requests than this, a first round of unknown length is not worthwhile."""
_SHARE = 10
"""Rounds for new invoices, or for changes, take at most a tenth of the rate."""
_CHANGES_EVERY = timedelta(minutes=1)
CHANGES_OVERLAP = timedelta(days=1)
"""The time zone in which a provider reads the instant is not known for sure, and rows come newest first."""
_MOST_CONFIRMED = 1000
"""A list that suddenly names nothing is probably wrong; watches beyond this number keep their planned time."""
_UNWORTHY_FOR = timedelta(minutes=5)
"""The shortest pause after a round whose lists named too few watched invoices."""


def single_requests(due: int, batch_size: int) -> int:
    return -(-due // batch_size)


def pages_worth(due: int, batch_size: int, pages: int | None) -> int | None:
    """How many pages a round may read so that it costs less than single polls of what is due; None if no round does.

    `pages` is the length of the last complete round, None if unknown: then the round ends as soon as it costs more.
    """
    requests = single_requests(due, batch_size)
    if requests <= (LEAST_REQUESTS if pages is None else pages):
        return None
    return requests - 1


@dataclass(slots=True)
class Lists:
    """What this process knows about one source's lists. `pages` is the length of the last complete round.

    `are_partial`: rows lack parts of the document. None until a page was read.
    """

    pages: int | None = None
    are_partial: bool | None = None
    listed_at: frozenset[datetime] = frozenset()
    """When the pages of the last complete round were answered: all their invoices have that as the time of their last
    poll.
    """
    changes_since: datetime | None = None
    next_at: dict[ListSyncKind, datetime] = field(default_factory=dict[ListSyncKind, datetime])

    def is_time_for(self, kind: ListSyncKind, now: datetime) -> bool:
        return kind not in self.next_at or now >= self.next_at[kind]

    def postpone(self, kind: ListSyncKind, until: datetime) -> None:
        self.next_at[kind] = max(until, self.next_at.get(kind, until))


@dataclass(slots=True)
class Round:
    """One pass through a list.

    It reads up to `most` pages, fewer if it refreshes fewer than `least` invoices a page.
    """

    kind: ListSyncKind
    most: int
    least: int = 0
    discovers: bool = False
    since: datetime | None = None
    following: str | None = None
    pages: int = 0
    refreshed: int = 0
    added: int = 0
    changed_rows: int = 0
    is_over: bool = False
    is_complete: bool = False
    is_mistaken: bool = False
    """It began for watches that, as it turned out, these lists cannot refresh."""
    leased: list[ClaimedWatch] = field(default_factory=list[ClaimedWatch])
    listed_at: list[datetime] = field(default_factory=list[datetime])

    @property
    def is_unworthy(self) -> bool:
        """The same number of single requests would have refreshed more."""
        return self.refreshed + self.changed_rows < self.least * self.pages


def confirmations(now: datetime, batch_size: int, interval: timedelta) -> tuple[datetime, ...]:
    """When to poll the watches that a round no longer listed: they get half of the rate."""
    return tuple(now + number // batch_size * 2 * interval for number in range(_MOST_CONFIRMED))


def plan_next(
    lists: Lists, finished: Round, *, began_at: datetime, now: datetime, every: timedelta, interval: timedelta
) -> tuple[ListSyncKind, ...]:
    """Set in `lists` when rounds may follow; returns the kinds that changed.

    `every` is how often an invoice is polled, `interval` the time between two requests. Between two rounds single polls
    get time, for watches that no list names.
    """
    took = _SHARE * finished.pages * interval
    if finished.kind is ListSyncKind.CHANGES:
        if finished.is_complete:
            lists.changes_since = began_at
        lists.postpone(finished.kind, began_at + max(_CHANGES_EVERY, took))
        return (finished.kind,)
    lists.postpone(ListSyncKind.REFRESH, now + every / 2)
    if finished.kind is ListSyncKind.DISCOVERY or (finished.discovers and finished.is_complete):
        lists.postpone(ListSyncKind.DISCOVERY, began_at + max(every, took))
    if finished.is_unworthy:
        lists.postpone(ListSyncKind.REFRESH, now + max(2 * every, _UNWORTHY_FOR))
    if finished.is_complete:
        lists.pages = max(1, finished.pages)
    elif finished.pages >= finished.most:
        lists.pages = 2 * finished.pages
    if finished.is_mistaken:
        lists.next_at[ListSyncKind.REFRESH] = now
    return tuple(kind for kind in (ListSyncKind.REFRESH, ListSyncKind.DISCOVERY) if kind in lists.next_at)
