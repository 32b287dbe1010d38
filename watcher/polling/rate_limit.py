"""Sends requests at their reserved slots, and never closer together than the account's rate allows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from watcher.clock import Clock
from watcher.core.errors import SlotMissed
from watcher.ports import UNOBSERVED, PollObserver, RateBudget

_LATEST = timedelta(seconds=1)
_BURST = timedelta(seconds=1)
_SLACK = 1.01
"""Slots are a hundredth wider than the rate requires: the server also sees what the network does to the spacing."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """How the requests of an account are spread: `interval` between two send instants.

    `burst` is how far delayed requests may run ahead of even spacing: not at all for 1/s or less.
    """

    interval: timedelta
    burst: timedelta

    @classmethod
    def of(cls, rate: float) -> Self:
        """The spacing for a rate in requests a second."""
        interval = timedelta(seconds=_SLACK / rate)
        return cls(interval, max(timedelta(0), _BURST - 2 * interval))


class AccountLimiter:
    """Spaces the requests of one account in this process: GCRA on the instants at which they really leave.

    The slots of the budget are already spaced, over all replicas; this keeps late requests from bunching.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at: datetime | None = None
        self._closed_until: datetime | None = None

    def close_until(self, until: datetime) -> None:
        """Let no request leave before `until`, including those that already have a slot."""
        self._closed_until = until if self._closed_until is None else max(until, self._closed_until)

    async def pass_at(self, slot: datetime, spacing: Spacing) -> datetime:
        """Return at the slot or as soon after it as the spacing allows: the instant at which that is.

        Raises SlotMissed a second after the slot, and for slots during a pause that the account asked for.
        """
        while True:
            now = self._clock.now()
            if self._closed_until is not None and max(now, slot) < self._closed_until:
                raise SlotMissed("the account asked for a pause")
            open_at = slot if self._free_at is None else max(slot, self._free_at - spacing.burst)
            if max(now, open_at) - slot > _LATEST:
                raise SlotMissed("the send instant passed more than a second ago")
            if now >= open_at:
                break
            await self._clock.sleep(open_at - now)
        self._free_at = (now if self._free_at is None else max(now, self._free_at)) + spacing.interval
        return now


@dataclass(slots=True)
class SendSlot:
    """The rate limiter of one claimed request: first its own slots, then slots reserved one by one (tokens, retries).

    Nothing is sent from `last_at` on: the answer would come after the lease.
    """

    source: str
    spacing: Spacing
    limiter: AccountLimiter
    budget: RateBudget
    clock: Clock
    slots: list[datetime]
    last_at: datetime | None = None
    observer: PollObserver = UNOBSERVED

    async def wait(self) -> None:
        slot = self.slots.pop(0) if self.slots else await self._reserve()
        self._require_lease(slot)
        now = await self.limiter.pass_at(slot, self.spacing)
        self._require_lease(now)
        self.observer.requested(self.source, now)

    def _require_lease(self, at: datetime) -> None:
        if self.last_at is not None and at >= self.last_at:
            raise SlotMissed("the lease on these invoices would end before the answer")

    async def _reserve(self) -> datetime:
        return await self.budget.reserve(self.source, self.spacing.interval, self.clock.now())


class LocalRateBudget:
    """The rate budget of this process alone, for requests made without a database."""

    def __init__(self) -> None:
        self._free_at: dict[str, datetime] = {}

    async def reserve(self, source: str, interval: timedelta, now: datetime) -> datetime:
        slot = max(now, self._free_at.get(source, now))
        self._free_at[source] = slot + interval
        return slot
