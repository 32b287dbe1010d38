"""What going through the lists of a source needs from the store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from watcher.ports.polls import Claim, ClaimedWatch, ClaimRequest


@dataclass(frozen=True, slots=True)
class ListedIds:
    """The rows of one page whose request began at `asked_at`: all of them, and those that are not settled.

    `partial_since` is None where rows are whole documents. Where they are hints it is how far back the last look at an
    invoice may lie that a hint shall stand for.
    """

    source: str
    ids: Sequence[str]
    unsettled: Collection[str]
    asked_at: datetime
    partial_since: datetime | None = None


class ListSyncKind(StrEnum):
    """What a round is for: to refresh what is due, to find what nobody watches, or to hear what has changed."""

    REFRESH = "sweep"
    DISCOVERY = "discovery"
    CHANGES = "changes"


class ListSyncs(Protocol):
    async def begin(self, source: str, kind: ListSyncKind, now: datetime, until: datetime) -> bool:
        """True for the one replica that shall go through the lists of this source now; nobody else before `until`.

        False while the account is left alone or no round of this kind is due.
        """
        ...

    async def end(self, source: str, kind: ListSyncKind, next_at: datetime) -> None:
        """No further round of this kind begins before `next_at`."""
        ...

    async def count_due(self, source: str, now: datetime, most: int, *, partial_since: datetime | None = None) -> int:
        """How many of the `most` longest due watches a list is likely to refresh: unsettled, and nothing wrong.

        With `partial_since` (as in `ListedIds`), how many of them hints may speak for.
        """
        ...

    async def lease_listed(self, listed: ListedIds, now: datetime, lease: timedelta) -> Claim:
        """Lease the watches of these rows, due or not, for what the page says of them; without slots.

        Left out are those that somebody has, those looked at since the page was asked for (it may be older than what
        is known), retired ones that are still settled; and for hints those that need a whole look anyway.
        """
        ...

    async def ask_for(self, watches: Sequence[ClaimedWatch], now: datetime) -> None:
        """Give back the leases of watches that a hint wants looked at: due at once, and beside a round too."""
        ...

    async def claim_urgent(
        self, request: ClaimRequest, now: datetime, lease: timedelta, *, new_since: datetime
    ) -> Claim | None:
        """Lease, with slots, what is due and shall not wait for the end of a round; None where there is nothing.

        That is what somebody asked for, what failed or was missing, what the clock speaks of, and what was never looked
        at if it is due since `new_since` or later.
        """
        ...

    async def poll_sooner(self, source: str, listed_at: Collection[datetime], plan: Sequence[datetime]) -> int:
        """Poll open watches sooner that were last listed by pages answered at `listed_at`; returns how many.

        The watch that is due first becomes due at the first instant of `plan`, the second at the second, and so on, but
        none later than before. Watches beyond the end of the plan do not change.
        """
        ...

    async def discover(self, source: str, ids: Sequence[str], now: datetime) -> int:
        """Watch what nobody watches yet; returns how many. What was removed by hand stays removed."""
        ...
