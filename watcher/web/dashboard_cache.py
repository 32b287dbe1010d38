"""Caches the dashboard's figures for as long as a new reading would cost too much."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio
import structlog

from watcher.clock import Clock
from watcher.core.errors import StoreUnavailable
from watcher.ports import Figures

CHEAP = timedelta(milliseconds=60)
"""A reading that takes no longer is made within the request."""
_SHARE = 20
"""Reading takes at most one part in this many of the time, however many people look at the page."""
_FRESH = timedelta(seconds=1)
_PATIENCE_SECONDS = 0.08
"""How long a request waits for figures that are being read."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CachedFigures:
    """Figures, and when they were read."""

    figures: Figures
    at: datetime


class DashboardCache:
    """One for all requests.

    Cheap figures are read at once, expensive ones by `keep` while requests show the last ones.
    """

    def __init__(self, read: Callable[[datetime], Awaitable[Figures]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._last: CachedFigures | None = None
        self._cost = timedelta(0)
        self._reading = anyio.Lock()
        self._wanted = anyio.Event()
        self._renewed = anyio.Event()

    async def current(self) -> CachedFigures | None:
        """None only until the first reading is done. Raises StoreUnavailable."""
        if self._is_fresh():
            return self._last
        if self._cost <= CHEAP and not self._reading.statistics().locked:
            await self.renew()
            return self._last
        self._wanted.set()
        renewed = self._renewed
        with anyio.move_on_after(_PATIENCE_SECONDS):
            await renewed.wait()
        return self._last

    async def renew(self) -> None:
        """Read now. Raises StoreUnavailable."""
        async with self._reading:
            if self._is_fresh():
                return
            now = self._clock.now()
            self._last = CachedFigures(await self._read(now), now)
            self._cost = self._clock.now() - now
            self._renewed.set()
            self._renewed = anyio.Event()

    async def keep(self) -> None:
        """Read once at the start, and then whenever a request wants newer figures; runs until cancelled."""
        while True:
            try:
                await self.renew()
            except StoreUnavailable as error:
                _log.warning("figures.unread", error=str(error))
                await self._clock.sleep(_FRESH)
            self._wanted = anyio.Event()
            await self._wanted.wait()

    def _is_fresh(self) -> bool:
        return self._last is not None and self._clock.now() - self._last.at < max(_FRESH, self._cost * _SHARE)
