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

    `hints_since` is None where rows are whole documents. Where they are hints it is how far back the last look at an
    invoice may lie that a hint shall stand for.
    """

    source: str
    ids: Sequence[str]
    unsettled: Collection[str]
    asked_at: datetime
    hints_since: datetime | None = None


class RoundKind(StrEnum):
    """What a round is for: to refresh what is due, to find what nobody watches, or to hear what has changed."""

    SWEEP = "sweep"
    DISCOVERY = "discovery"
    CHANGES = "changes"


class Rounds(Protocol):
    async def begin(self, source: str, kind: RoundKind, now: datetime, until: datetime) -> bool:
        """True for the one replica that shall go through the lists of this source now; nobody else before `until`.

        False while the account is left alone or no round of this kind is due.
        """
        ...

    async def end(self, source: str, kind: RoundKind, next_at: datetime) -> None:
        """No further round of this kind begins before `next_at`."""
        ...

    async def count_due(self, source: str, now: datetime, most: int, *, hints_since: datetime | None = None) -> int:
        """How many of the `most` longest due watches a list is likely to refresh: unsettled, and nothing wrong.

        With `hints_since` (as in `ListedIds`), how many of them hints may speak for.
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

    async def claim_beside(
        self, request: ClaimRequest, now: datetime, lease: timedelta, *, new_since: datetime
    ) -> Claim | None:
        """Lease, with slots, what is due and shall not wait for the end of a round; None where there is nothing.

        That is what somebody asked for, what failed or was missing, what the clock speaks of, and what was never looked
        at if it is due since `new_since` or later.
        """
        ...

    async def hasten(self, source: str, told_at: Collection[datetime], plan: Sequence[datetime]) -> int:
        """Look sooner at the open watches that pages answered at `told_at` were the last to tell of; returns how many.

        Who is due first is due at the first instant of `plan`, and so on, but nobody later than he was; for who is left
        over when the plan ends, nothing changes.
        """
        ...

    async def discover(self, source: str, ids: Sequence[str], now: datetime) -> int:
        """Watch what nobody watches yet; returns how many. What was removed by hand stays removed."""
        ...
