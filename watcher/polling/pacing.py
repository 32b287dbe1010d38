"""Sending at the instants that the budget gave, and never closer than the account's rate allows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.clock import Clock
from watcher.core.errors import SlotMissed
from watcher.ports import PollQueue

_LATEST = timedelta(seconds=1)


class Gate:
    """The spacing of one account's sends in this process (GCRA on the instants at which requests really leave).

    The budget's slots are spaced by construction, over all replicas; the gate keeps late ones from bunching.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at: datetime | None = None

    async def pass_at(self, slot: datetime, interval: timedelta, burst: timedelta) -> None:
        """Return at the slot or as soon after it as the spacing allows. Raises SlotMissed a second after it."""
        while True:
            now = self._clock.now()
            open_at = slot if self._free_at is None else max(slot, self._free_at - burst)
            if max(now, open_at) - slot > _LATEST:
                raise SlotMissed("the send instant passed more than a second ago")
            if now >= open_at:
                break
            await self._clock.sleep(open_at - now)
        self._free_at = (now if self._free_at is None else max(now, self._free_at)) + interval


@dataclass(slots=True)
class Turn:
    """The pacer of one claimed request: its own slots first, then slots reserved one by one (tokens, retries)."""

    source: str
    interval: timedelta
    burst: timedelta
    gate: Gate
    queue: PollQueue
    clock: Clock
    slots: list[datetime]
    lease_ends_at: datetime | None = None

    async def wait(self) -> None:
        if self.lease_ends_at is not None and self.clock.now() >= self.lease_ends_at:
            raise SlotMissed("the lease on these invoices has ended")
        slot = self.slots.pop(0) if self.slots else await self._reserve()
        await self.gate.pass_at(slot, self.interval, self.burst)

    async def _reserve(self) -> datetime:
        return await self.queue.reserve(self.source, self.interval, self.clock.now())
