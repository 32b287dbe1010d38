"""What delivery needs from the store and from the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from watcher.core.webhooks.form import Form
from watcher.core.webhooks.subscription import Subscription


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    PARKED = "parked"
    DEAD = "dead"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """`attempts` is how many attempts were made and counted before this one.

    A `probe` tests whether a failing endpoint answers again: it is not counted, whatever its outcome. `body` has the
    stored bytes of `form`.
    """

    key: int
    lease: int
    endpoint: str
    event_id: str
    event_type: str
    body: bytes
    attempts: int
    lease_ends_at: datetime
    probe: bool = False
    form: Form = Form.FULL

    @property
    def as_attempt(self) -> "Attempt":
        return Attempt(self.endpoint, self.event_id, self.body, self.form)


class Outcome(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"
    GONE = "gone"
    BLOCKED = "blocked"
    UNSENDABLE = "unsendable"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of one POST. `error` is one of a fixed set of words if there was no answer.

    `retry_after` is what the receiver asked for, None if it asked for nothing. `response` is the first kilobytes of the
    answer. `detail` is for an operator who tests: where a redirect leads, why a certificate was refused. It is not
    stored.
    """

    outcome: Outcome
    started_at: datetime
    duration: timedelta
    status: int | None = None
    error: str | None = None
    response: str | None = None
    peer: str | None = None
    retry_after: timedelta | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result of an attempt for its delivery.

    If `holds_lane` is False, later deliveries of its invoice may pass it.
    """

    key: int
    lease: int
    state: DeliveryState
    receipt: Receipt
    attempts: int
    next_attempt_at: datetime | None = None
    holds_lane: bool = True
    pause_endpoint_until: datetime | None = None
    probe: bool = False


@dataclass(frozen=True, slots=True)
class EndpointLimit:
    """How much may be sent to one endpoint, by all replicas together: `rate` is attempts per second."""

    rate: float
    concurrency: int

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=1 / self.rate)


UNLIMITED: Mapping[str, EndpointLimit] = MappingProxyType({})


class Outbox(Protocol):
    async def claim(
        self,
        now: datetime,
        wanted: Mapping[str, int],
        lease: timedelta,
        limits: Mapping[str, EndpointLimit] = UNLIMITED,
    ) -> tuple[ClaimedDelivery, ...]:
        """Lease the first due delivery of each (endpoint, invoice), at most `wanted[endpoint]` of each endpoint.

        First attempts come before retries. Endpoints that are paused or disabled give none. A failing endpoint gives a
        single probe from time to time: the delivery that has been due for longest. Where replicas share the database,
        `limits` holds over all of them.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> frozenset[int]:
        """Write attempts, new states and the health of the endpoints in one transaction.

        Returns the keys whose lease was lost (their attempt is kept). A delivery that was superseded meanwhile and has
        not arrived becomes superseded, whatever its settlement says. When an endpoint answers again, all its waiting
        deliveries become due at once.
        """
        ...

    async def release(self, deliveries: Sequence[ClaimedDelivery], now: datetime) -> None:
        """Give leases back unused."""
        ...

    async def next_attempt_at(self, endpoints: Sequence[str]) -> datetime | None:
        """When the earliest waiting delivery of these endpoints is due."""
        ...

    async def sync_endpoints(
        self, configured: Mapping[str, str], now: datetime, subscriptions: Sequence[Subscription] = ()
    ) -> None:
        """Store the configured endpoints (name → URL).

        `subscriptions` says who receives events about the health of others. Waiting deliveries of removed names are
        parked; those of names that came back resume; other parked ones are tried again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST to make. The sender signs it with every secret of the endpoint, at the instant of sending.

    Where `form` is one of CloudEvents, the sender makes that of `body` first.
    """

    endpoint: str
    event_id: str
    body: bytes
    form: Form = Form.FULL


class Sender(Protocol):
    async def send(self, attempt: Attempt) -> Receipt:
        """Make one POST. Never raises for errors of the receiver or the network: the receipt contains them."""
        ...
