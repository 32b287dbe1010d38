"""What the hint listener needs: proofs and ids from a provider, due polls from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from watcher.core.scheduling.hint_state import HintState

MOST_HINTED_IDS = 100
"""Invoices that one request can name."""


@dataclass(frozen=True, slots=True)
class HintRequest:
    """One POST as it arrived. `url` is the one configured at the provider, as signatures can cover it.

    The names of `headers` are in lower case; of a repeated header, one value is enough.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    now: datetime


class HintScheme(Protocol):
    """One way to prove who sent a hint. It has the secrets of one account: several are a rotation."""

    def verify(self, request: HintRequest) -> bool:
        """Whether one of the secrets signed it, at most five minutes ago if it has a time. Never raises."""
        ...

    def invoice_ids(self, body: bytes) -> tuple[str, ...]:
        """The invoices that a verified body names, each once, at most `MOST_HINTED_IDS`.

        Empty if its type names none. Nothing else in it may be used. Raises HintUnreadable.
        """
        ...


@dataclass(frozen=True, slots=True)
class HintedIds:
    """The invoices that hints of one source have named.

    With `discovery_interval` unknown ones are watched, and polled at most that often; without it they are ignored.
    """

    source: str
    ids: tuple[str, ...]
    discovery_interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class HintsTaken:
    """How many of the named invoices are due now, were discovered, and are unknown."""

    due: int
    discovered: int
    unknown: int


@dataclass(frozen=True, slots=True)
class HintSummary:
    """How well the hints of a source work. `share` is that of changes first seen by a hint.

    `delay` and `other_delay` are means of the last 30 days, from the provider's time of a change to its poll, for
    changes found by hints and for all others. `missing` are event types that hints used to bring.
    """

    state: HintState
    last_at: datetime | None
    share: float | None
    delay: timedelta | None
    other_delay: timedelta | None
    missing: tuple[str, ...] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict[str, int])
    """Hints that came, by `HintOutcome`."""


class HintOutcome(StrEnum):
    """What became of one hint."""

    ACCEPTED = "accepted"
    """It is in the database: what it named is due, or to be discovered, or unknown."""
    IGNORED = "ignored"
    """It is genuine and names no invoice."""
    REFUSED = "refused"
    """No secret of the source signed it, or not in the last five minutes."""
    UNREADABLE = "unreadable"
    LIMITED = "limited"
    """The source sends more than it may."""
    UNSTORED = "unstored"
    """The database could not take it."""


class Hints(Protocol):
    async def take(self, hints: Sequence[HintedIds], now: datetime) -> Mapping[str, HintsTaken]:
        """Make what hints name due now, in one transaction; by source. Raises StoreUnavailable."""
        ...

    async def count(self, counts: Mapping[tuple[str, HintOutcome], int]) -> None:
        """Add up what became of hints, by source. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class HintReceipt:
    """`detail` says what is wrong, for the sender. `retry_after` is in seconds."""

    outcome: HintOutcome
    detail: str | None = None
    retry_after: int | None = None


class HintObserver(Protocol):
    def hinted(self, source: str, outcome: HintOutcome, taken: HintsTaken | None) -> None:
        """A hint came. `taken` is what it named, if it was accepted."""
        ...
