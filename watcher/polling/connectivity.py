"""Our own network: if no host can be reached, no provider is to blame."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import anyio
import structlog

from watcher.clock import Clock, Random
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, SlotMissed, Unreachable
from watcher.core.scheduling import intervals
from watcher.polling.source_plan import SourcePlan

_log = structlog.get_logger()

_TRIES = 3
_LONGEST_WAIT = timedelta(seconds=30)
"""Between two attempts while the network is down: they cost almost nothing, and all sources wait for them."""


class Network:
    """Down from when no source at any host could be reached, until one of them can.

    One host alone proves nothing: if all sources are at the same host, the network is never considered down.
    """

    def __init__(
        self,
        clock: Clock,
        random: Random,
        *,
        probe: Callable[[SourcePlan], Awaitable[CredentialsRefused | ProviderUnavailable | None]],
        on_recovery: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._random = random
        self._probe = probe
        self._on_recovery = on_recovery
        self._asking = anyio.Lock()
        self._down_since: datetime | None = None
        self._tried = 0
        self._try_at: datetime | None = None
        self.back_at: datetime | None = None
        """When it came back last."""

    @property
    def is_down(self) -> bool:
        return self._down_since is not None

    async def is_to_blame(
        self, plan: SourcePlan, plans: Mapping[str, SourcePlan], has_answered: Callable[[SourcePlan], bool]
    ) -> bool:
        """Probe the sources at other hosts after one could not be reached; any answer clears the network."""
        async with self._asking:
            if self.is_down:
                return True
            others = {other.host: other for other in plans.values() if other.host != plan.host}
            for other in others.values():
                if has_answered(other) or await self._reaches(other):
                    return False
            if not others:
                return False
            self._down_since = self._clock.now()
            self._tried, self._try_at = 0, intervals.next_probe(self._down_since, 0, self._random())
        _log.error("network.lost", effect="no source can be reached: polling pauses until one can be")
        return True

    async def is_still_down(self, plans: Mapping[str, SourcePlan]) -> bool:
        """Try one source after another while the network is down, each at its time."""
        now = self._clock.now()
        if self._down_since is None or not plans:
            return False
        if self._try_at is not None and now < self._try_at:
            return True
        tried = list(plans.values())[self._tried % len(plans)]
        self._tried += 1
        if not await self._reaches(tried):
            now = self._clock.now()
            self._try_at = min(intervals.next_probe(now, self._tried, self._random()), now + _LONGEST_WAIT)
            return True
        down_for = self._clock.now() - self._down_since
        self._down_since, self.back_at = None, self._clock.now()
        _log.info("network.recovered", seconds=int(down_for.total_seconds()))
        self._on_recovery()
        return False

    async def _reaches(self, plan: SourcePlan) -> bool:
        for _ in range(_TRIES):
            try:
                return not isinstance(await self._probe(plan), Unreachable)
            except SlotMissed:
                continue
        return not self.is_down  # it was not asked, so nothing is proved
