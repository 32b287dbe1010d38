"""An outbox in memory with the rules of the real one that a dispatcher notices: leases, lanes, pauses, first tries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import anyio.lowlevel

from tests.fakes.clock import START, FakeClock
from watcher.core.errors import StoreUnavailable
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import UNLIMITED, ClaimedDelivery, DeliveryState, EndpointLimit, Outcome, Settlement

_WAITING = (DeliveryState.PENDING, DeliveryState.PARKED, DeliveryState.DELIVERING)


@dataclass
class Row:
    claimed: ClaimedDelivery
    invoice: str
    state: DeliveryState = DeliveryState.PENDING
    next_attempt_at: datetime = START
    holds_lane: bool = True
    lease_ends_at: datetime | None = None


@dataclass
class FakeOutbox:
    clock: FakeClock
    rows: dict[int, Row] = field(default_factory=dict[int, Row])
    paused_until: dict[str, datetime] = field(default_factory=dict[str, datetime])
    settled: list[tuple[Settlement, ...]] = field(default_factory=list[tuple[Settlement, ...]])
    claims: list[dict[str, int]] = field(default_factory=list[dict[str, int]])
    gone: set[str] = field(default_factory=set[str])
    released: list[int] = field(default_factory=list[int])
    unavailable: bool = False
    claiming_takes: timedelta = timedelta(0)

    def add(self, endpoint: str = "ledger", invoice: str | None = None, *, attempts: int = 0) -> int:
        key = len(self.rows) + 1
        claimed = ClaimedDelivery(key, 0, endpoint, f"evt_{key}", "invoice.paid", b"{}", attempts, START)
        self.rows[key] = Row(claimed, invoice or f"inv_{key}")
        return key

    def state(self, key: int) -> DeliveryState:
        return self.rows[key].state

    def lose_lease(self, key: int) -> None:
        row = self.rows[key]
        row.claimed = replace(row.claimed, lease=row.claimed.lease + 1)

    async def claim(
        self,
        now: datetime,
        wanted: Mapping[str, int],
        lease: timedelta,
        limits: Mapping[str, EndpointLimit] = UNLIMITED,
    ) -> tuple[ClaimedDelivery, ...]:
        del limits
        await self._answer()
        self.claims.append(dict(wanted))
        taken: list[ClaimedDelivery] = []
        left = dict(wanted)
        for row in sorted(self.rows.values(), key=lambda row: (row.claimed.attempts > 0, row.claimed.key)):
            if left.get(row.claimed.endpoint, 0) > 0 and self._is_due(row, now):
                left[row.claimed.endpoint] -= 1
                row.state, row.lease_ends_at = DeliveryState.DELIVERING, now + lease
                row.claimed = replace(row.claimed, lease=row.claimed.lease + 1, lease_ends_at=now + lease)
                taken.append(row.claimed)
        self.clock.advance(self.claiming_takes)
        return tuple(taken)

    async def settle(self, settlements: Sequence[Settlement]) -> frozenset[int]:
        await self._answer()
        self.settled.append(tuple(settlements))
        lost: set[int] = set()
        for settlement in settlements:
            row = self.rows[settlement.key]
            if row.claimed.lease != settlement.lease:
                lost.add(settlement.key)
                continue
            row.state, row.holds_lane, row.lease_ends_at = settlement.state, settlement.holds_lane, None
            row.next_attempt_at = settlement.next_attempt_at or row.next_attempt_at
            row.claimed = replace(row.claimed, attempts=settlement.attempts)
            if settlement.receipt.outcome is Outcome.GONE:
                self.gone.add(row.claimed.endpoint)
            if settlement.pause_endpoint_until is not None:
                self.paused_until[row.claimed.endpoint] = settlement.pause_endpoint_until
        return frozenset(lost)

    async def release(self, deliveries: Sequence[ClaimedDelivery], now: datetime) -> None:
        await self._answer()
        for delivery in deliveries:
            row = self.rows[delivery.key]
            row.state, row.lease_ends_at, row.next_attempt_at = DeliveryState.PENDING, None, now
            self.released.append(delivery.key)

    async def next_attempt_at(self, endpoints: Sequence[str]) -> datetime | None:
        await self._answer()
        return min(
            (
                row.next_attempt_at
                for row in self.rows.values()
                if row.claimed.endpoint in endpoints and row.state is DeliveryState.PENDING
            ),
            default=None,
        )

    async def sync_endpoints(
        self, configured: Mapping[str, str], now: datetime, subscriptions: Sequence[Subscription] = ()
    ) -> None:
        raise NotImplementedError(f"no dispatcher calls this: {configured} {now} {subscriptions}")

    async def _answer(self) -> None:
        await anyio.lowlevel.checkpoint()
        if self.unavailable:
            raise StoreUnavailable("the database is locked")

    def _is_due(self, row: Row, now: datetime) -> bool:
        endpoint = row.claimed.endpoint
        if endpoint in self.gone or self.paused_until.get(endpoint, now) > now or row.next_attempt_at > now:
            return False
        expired = row.lease_ends_at is not None and row.lease_ends_at <= now
        if row.state is not DeliveryState.PENDING and not (row.state is DeliveryState.DELIVERING and expired):
            return False
        return not any(
            other.holds_lane and other.state in _WAITING
            for other in self.rows.values()
            if (other.claimed.endpoint, other.invoice) == (endpoint, row.invoice)
            and other.claimed.key < row.claimed.key
        )
