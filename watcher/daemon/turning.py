"""Whether every loop of the service still goes round: what the watchdog is told."""

import time
from collections.abc import Callable
from datetime import timedelta

_STALLED = timedelta(seconds=60)
"""The slowest a healthy loop turns: a wait for a locked database included."""


class Turning:
    """Loops report each turn; one that was heard of and fell silent stops the watchdog's feeding.

    Measured on the monotonic clock: a jump of the wall clock is no stall.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, stalled: timedelta = _STALLED) -> None:
        self._monotonic = monotonic
        self._stalled = stalled
        self._turned_at: dict[str, float] = {}

    def turned(self, loop: str) -> None:
        self._turned_at[loop] = self._monotonic()

    def stalled(self) -> tuple[str, ...]:
        """The loops that have not turned for too long."""
        limit = self._monotonic() - self._stalled.total_seconds()
        return tuple(loop for loop, at in self._turned_at.items() if at < limit)

    def all_turn(self) -> bool:
        return not self.stalled()
