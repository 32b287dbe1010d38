"""What a list sync needs from the store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from watcher.ports.polls import Claim, ClaimedWatch, ClaimRequest


@dataclass(frozen=True, slots=True)
class ListedIds:
    """The rows of one page whose request began at `asked_at`: all ids, and those that are not settled.

    `partial_since` is None if rows are whole documents. If they are partial, a row can stand for a poll only if the
    last whole poll of the invoice is not older than this.
    """

    source: str
    ids: Sequence[str]
    unsettled: Collection[str]
    asked_at: datetime
    partial_since: datetime | None = None


class ListSyncKind(StrEnum):
    """The purpose of a round: refresh due watches, discover unwatched invoices, or read what has changed."""

    REFRESH = "refresh"
    DISCOVERY = "discovery"
    CHANGES = "changes"


class ListSyncs(Protocol):
    async def begin(self, source: str, kind: ListSyncKind, now: datetime, until: datetime) -> bool:
        """True for the one replica that may sync this source's lists now; no other may before `until`.

        False while the account is backed off or failing, and if no round of this kind is due.
        """
        ...

    async def end(self, source: str, kind: ListSyncKind, next_at: datetime) -> None:
        """No further round of this kind begins before `next_at`."""
        ...

    async def count_due(self, source: str, now: datetime, most: int, *, partial_since: datetime | None = None) -> int:
        """How many of the `most` longest due watches a list is likely to refresh: unsettled, without a failure.

        With `partial_since` (as in `ListedIds`), how many of them partial rows can refresh.
        """
        ...

    async def lease_listed(self, listed: ListedIds, now: datetime, lease: timedelta) -> Claim:
        """Lease the watches of these rows, due or not, to record what the page says; without send slots.

        Left out are: watches that another process has leased, watches polled since the page was requested (the page may
        be older than that), retired watches that are still settled; and with partial rows, those that need a whole
        document.
        """
        ...

    async def request_polls(self, watches: Sequence[ClaimedWatch], now: datetime) -> None:
        """Give back the leases of watches whose partial row shows a change: due at once, also during a round."""
        ...

    async def claim_urgent(
        self, request: ClaimRequest, now: datetime, lease: timedelta, *, new_since: datetime
    ) -> Claim | None:
        """Lease, with send slots, due watches that must not wait for the end of a round; None if there are none.

        These are watches with a requested poll, with a failure or a miss, with a clock event, and watches that were
        never polled and have been due since `new_since` or later.
        """
        ...

    async def poll_sooner(self, source: str, listed_at: Collection[datetime], plan: Sequence[datetime]) -> int:
        """Poll open watches sooner that were last listed by pages answered at `listed_at`; returns how many.

        The watch that is due first becomes due at the first instant of `plan`, the second at the second, and so on, but
        none later than before. Watches beyond the end of the plan do not change.
        """
        ...

    async def discover(self, source: str, ids: Sequence[str], now: datetime) -> int:
        """Watch the ids that nobody watches yet; returns how many. Watches that were removed by hand stay removed."""
        ...
