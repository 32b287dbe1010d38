"""The adaptive policy at run time: a poll allocation for each source, computed anew every minute."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from watcher.clock import Clock
from watcher.core.scheduling.allocation import Census, HazardGroup, Limits, PollAllocation, allocate
from watcher.core.scheduling.intervals import jittered
from watcher.ports import HazardStats


@dataclass(slots=True)
class AdaptivePolicy:
    """Decides when the invoices of one source are polled: every `every`, until there is an allocation."""

    source: str
    provider: str
    limits: Limits
    rate: float
    batch_size: Callable[[], int]
    """It can change: an account may turn out to have no batches."""
    weighted: bool
    allocation: PollAllocation | None = None

    def next_poll(self, hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
        if self.allocation is None:
            return now + jittered(self.limits.every, jitter)
        return self.allocation.next_poll(hazard_group, now, jitter)


class Tuner:
    def __init__(self, hazard_stats: HazardStats, clock: Clock) -> None:
        self._hazard_stats = hazard_stats
        self._clock = clock

    async def tune(self, policies: Iterable[AdaptivePolicy]) -> Mapping[str, Census]:
        """Compute the allocations from what is open now; returns the censuses by source, for other uses.

        Raises StoreUnavailable; the old allocations stay in force then.
        """
        counted: dict[str, Census] = {}
        for adaptive_policy in policies:
            now = self._clock.now()
            census = await self._hazard_stats.census(
                adaptive_policy.source, adaptive_policy.provider, now, weighted=adaptive_policy.weighted
            )
            adaptive_policy.allocation = allocate(
                census,
                now,
                adaptive_policy.limits,
                rate=adaptive_policy.rate,
                batch_size=adaptive_policy.batch_size(),
                weighted=adaptive_policy.weighted,
            )
            counted[adaptive_policy.source] = census
        return counted
