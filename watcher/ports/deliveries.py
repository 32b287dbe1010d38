"""What delivering needs from the store and from the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

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
    """`attempts` is how many were made and counted before this one.

    A `probe` finds out whether a failing endpoint answers again: it is not counted, whatever comes back.
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


class Outcome(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"
    GONE = "gone"
    BLOCKED = "blocked"
    UNSENDABLE = "unsendable"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came back of one POST. `error` is one of a fixed set of words where no answer came.

    `retry_after` is the receiver's hint, None where it gave none. `response` is the first kilobytes of the answer.
    `detail` is for an operator who tests: where a redirect leads, why a certificate was refused. It is never stored.
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
    """What becomes of a delivery after an attempt. `holds_lane` False lets later ones of its invoice pass it."""

    key: int
    lease: int
    state: DeliveryState
    receipt: Receipt
    attempts: int
    next_attempt_at: datetime | None = None
    holds_lane: bool = True
    pause_endpoint_until: datetime | None = None
    probe: bool = False


class Outbox(Protocol):
    async def claim(self, now: datetime, wanted: Mapping[str, int], lease: timedelta) -> tuple[ClaimedDelivery, ...]:
        """Lease due deliveries, at most `wanted[endpoint]` of each endpoint, only the head of each (endpoint, invoice).

        First attempts come before retries. Endpoints that are paused or disabled give none, failing ones now and then
        a single probe, the delivery that has been due for longest.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> frozenset[int]:
        """Write attempts, new states and the endpoints' health in one transaction.

        Returns the keys whose lease was lost (their attempt stays). What was overtaken meanwhile and has not arrived
        is superseded, whatever its settlement says. An endpoint that answers again has all that waits due at once.
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
        """Learn the configured endpoints (name → URL), and by `subscriptions` who is told of the others' health.

        Waiting deliveries of removed names are parked; those of returned names resume; other parked ones are tried
        again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST to make. The sender signs `body` with every secret of the endpoint, at the instant it sends."""

    endpoint: str
    event_id: str
    body: bytes


class Sender(Protocol):
    async def send(self, attempt: Attempt) -> Receipt:
        """POST once. Never raises for what the receiver or the network does: that is the receipt."""
        ...
