"""Sending at the instants that the budget gave, and never closer than the account's rate allows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from watcher.clock import Clock
from watcher.core.errors import SlotMissed
from watcher.ports import UNOBSERVED, PollObserver, RateBudget

_LATEST = timedelta(seconds=1)
_BURST = timedelta(seconds=1)
_SLACK = 1.01
"""Slots are a hundredth wider than the rate asks for: what the network does to spacing is seen by the server too."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """How an account's requests are spread: `interval` between two send instants.

    `burst` is how far sends may run ahead of even spacing when they were held up: not at all for 1/s or less.
    """

    interval: timedelta
    burst: timedelta

    @classmethod
    def of(cls, rate: float) -> Self:
        """For a rate in requests a second."""
        interval = timedelta(seconds=_SLACK / rate)
        return cls(interval, max(timedelta(0), _BURST - 2 * interval))


class AccountLimiter:
    """The spacing of one account's sends in this process (GCRA on the instants at which requests really leave).

    The budget's slots are spaced by construction, over all replicas; the gate keeps late ones from bunching.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at: datetime | None = None
        self._closed_until: datetime | None = None

    def close_until(self, until: datetime) -> None:
        """Let no request leave before `until`, those that already have a slot included."""
        self._closed_until = until if self._closed_until is None else max(until, self._closed_until)

    async def pass_at(self, slot: datetime, spacing: Spacing) -> datetime:
        """Return at the slot or as soon after it as the spacing allows: the instant at which that is.

        Raises SlotMissed a second after the slot, and for slots at which the gate is closed.
        """
        while True:
            now = self._clock.now()
            if self._closed_until is not None and max(now, slot) < self._closed_until:
                raise SlotMissed("the account wants to be left alone")
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
    """The pacer of one claimed request: its own slots first, then slots reserved one by one (tokens, retries).

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
    """A budget of this process alone, for questions asked where no database is."""

    def __init__(self) -> None:
        self._free_at: dict[str, datetime] = {}

    async def reserve(self, source: str, interval: timedelta, now: datetime) -> datetime:
        slot = max(now, self._free_at.get(source, now))
        self._free_at[source] = slot + interval
        return slot
