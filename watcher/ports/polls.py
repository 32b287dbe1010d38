"""What polling needs from the store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from watcher.core.invoices.invoice import Snapshot
from watcher.core.scheduling.allocation import UNSEEN, HazardGroup
from watcher.core.scheduling.hazard import Exposure
from watcher.core.value_object import value_object
from watcher.core.webhooks.form import Form


class WatchState(StrEnum):
    ACTIVE = "active"
    NOT_FOUND = "not_found"
    FAILING = "failing"
    RETIRED = "retired"
    ORPHANED = "orphaned"


class PollReason(StrEnum):
    """Why a watch is polled before its turn. Such polls go before those that the policy planned."""

    REQUEST = "request"
    """Somebody asked for it."""
    HINT = "hint"
    """A webhook of the provider, or a system of the operator's, named the invoice."""
    ECHO = "echo"
    """The poll for a hint found nothing new: providers send webhooks before their own API shows the change."""
    LIST = "list"
    """A row of the provider's list says that the invoice has changed."""


class FoundBy(StrEnum):
    """How a change was found."""

    POLL = "poll"
    HINT = "hint"
    LIST = "list"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class FoundChange:
    """A change at a source that takes hints, and how it was found."""

    source: str
    event_type: str
    found_by: FoundBy


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """How much of one source may be claimed: at most `requests` of `batch_size` ids, sent no later than `horizon`."""

    source: str
    interval: timedelta
    batch_size: int
    requests: int
    horizon: datetime
    hinted_only: bool = False
    """Only watches that a hint named: a list sync refreshes the others."""


@value_object
class ClaimedWatch:
    """A due watch under lease.

    `memory` is the text of `core.invoices.history_state`, None before the first snapshot.
    """

    key: int
    lease: int
    invoice_id: str
    tags: tuple[str, ...]
    due_on: date | None
    fingerprint: bytes | None
    memory: str | None
    asked_at: datetime | None
    fetched_at: datetime | None
    misses: int
    first_missed_at: datetime | None
    failures: int
    settled_at: datetime | None
    clock_at: datetime | None
    hazard_group: HazardGroup = UNSEEN
    poll_reason: PollReason | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Due watches of one source with the send slots reserved for them: one slot per `batch_size` watches."""

    source: str
    slots: tuple[datetime, ...]
    watches: tuple[ClaimedWatch, ...]
    lease_ends_at: datetime

    def requests(self) -> Iterator[tuple[datetime, tuple[ClaimedWatch, ...]]]:
        """The slot and the watches of each request, shared out evenly."""
        size = -(-len(self.watches) // len(self.slots))
        for number, slot in enumerate(self.slots):
            if watches := self.watches[number * size : (number + 1) * size]:
                yield slot, watches


@value_object
class EventRecord:
    """One event as it is stored: always `bodies[Form.FULL]`, the other stored forms if a delivery needs them.

    `deliveries` are (endpoint, form) pairs. `sequence` is None for events about a source or an endpoint.
    """

    id: str
    type: str
    sequence: int | None
    source: str | None
    timestamp: datetime
    bodies: Mapping[Form, bytes]
    deliveries: tuple[tuple[str, Form], ...]
    tags: tuple[str, ...] = ()
    delay: timedelta | None = None
    """From the provider's time of the event to the poll that found it."""
    found_by: FoundBy | None = None


@value_object
class Change:
    """What a poll changes. `snapshot` is None if there are only clock events without a new version.

    `supersedes` are event types whose undelivered events of this invoice must not be sent any more.
    """

    memory: str
    version: int
    sequence: int
    snapshot: Snapshot | None
    events: tuple[EventRecord, ...]
    supersedes: tuple[str, ...] = ()


@value_object
class PollRecord:
    """The outcome of one poll. `poll_at` None retires the watch.

    `asked_at` and `fetched_at` are None unless the provider gave the document; they replace the stored ones then.
    `fingerprint` replaces the stored one, and `raw` is kept, where they are not None.
    """

    key: int
    lease: int
    polled_at: datetime
    poll_at: datetime | None
    clock_at: datetime | None
    state: WatchState
    misses: int = 0
    first_missed_at: datetime | None = None
    failures: int = 0
    last_error: str | None = None
    settled_at: datetime | None = None
    asked_at: datetime | None = None
    fetched_at: datetime | None = None
    fingerprint: bytes | None = None
    raw: bytes | None = None
    change: Change | None = None
    hazard_group: HazardGroup | None = None
    """Replaces the stored one where it is not None."""
    next_reason: PollReason | None = None
    """Why the next poll is made at `poll_at`, if the policy did not plan it."""
    exposures: tuple[Exposure, ...] = ()
    found_changes: tuple[FoundChange, ...] = ()
    """The changes of this poll, if its source takes hints."""
    clock_only: bool = False
    """There was no request: only `clock_at` and `change` are written, the lease ends, and the watch is due at
    `poll_at`.
    """
    is_unchanged: bool = False
    """The poll found nothing new: only its time and the time of the next poll are written."""


class RateBudget(Protocol):
    async def reserve(self, source: str, interval: timedelta, now: datetime) -> datetime:
        """Reserve one more send instant from the source's budget."""
        ...


class PollQueue(RateBudget, Protocol):
    async def claim(self, now: datetime, requests: Sequence[ClaimRequest], lease: timedelta) -> tuple[Claim, ...]:
        """Lease due watches and reserve send slots in one transaction; sources that are backed off give none."""
        ...

    async def claim_stale_clocks(
        self, now: datetime, sources: Sequence[str], fresh_poll_until: datetime, limit: int, lease: timedelta
    ) -> tuple[Claim, ...]:
        """Lease watches whose clock instant lies before `fresh_poll_until`: the poll for it did not come in time."""
        ...

    async def record(self, records: Sequence[PollRecord], successes: Mapping[str, datetime]) -> frozenset[int]:
        """Write outcomes in one transaction: snapshots, events, deliveries, next polls, and the last success by source.

        Returns the keys whose lease was lost: nothing of these was written.
        """
        ...

    async def release(self, watches: Sequence[ClaimedWatch], poll_at: datetime) -> None:
        """Give leases back unused."""
        ...


@dataclass(frozen=True, slots=True)
class AccountState:
    """What all replicas know about one account. The circuit is open if `failing_since` and `probe_at` are both set."""

    source: str
    blocked_until: datetime | None = None
    failing_since: datetime | None = None
    refused: bool = False
    failing_recorded: bool = False
    probe_at: datetime | None = None
    probes: int = 0
    last_success_at: datetime | None = None
    last_error: str | None = None


class AccountStates(Protocol):
    """One circuit per account, stored in the row of the source."""

    async def states(self) -> Mapping[str, AccountState]: ...

    async def back_off(self, source: str, now: datetime, until: datetime) -> None:
        """Send nothing to this account before `until` (429, Retry-After).

        The adaptive policy gives it a smaller share of the rate for some time.
        """
        ...

    async def open_circuit(
        self, source: str, *, at: datetime, refused: bool, error: str, probe_at: datetime
    ) -> AccountState:
        """Send only probes from now on. Of several calls, `failing_since` is that of the first."""
        ...

    async def claim_probe(self, source: str, now: datetime, next_probe_at: datetime) -> bool:
        """True for the one replica that may probe now."""
        ...

    async def close_circuit(self, source: str, at: datetime, event: EventRecord) -> None:
        """The account answers again; records `source.recovered` if the failure was recorded. Due polls resume."""
        ...

    async def record_failing(self, source: str, event: EventRecord) -> bool:
        """Record `source.failing` once per failure; False if it was recorded already or the circuit is closed."""
        ...
