"""An event loop whose time jumps to the next timer, and whose order is a seed's."""

import asyncio
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from heapq import heappop
from itertools import count
from random import Random
from typing import Any

import anyio

from tests.simulation.processes import CURRENT, Process

BEGINS_AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
"""Within the thirty days after it, most time zones change their clocks."""


_LONG = timedelta(minutes=10)
_numbers = count()


class NothingWillHappen(Exception):
    """Every task waits, and no timer is set: the program has lost a wake-up for good."""


class _NumberedTask(asyncio.Task[Any]):
    """Sets of tasks have the same order on every run, which addresses in memory would not give them."""

    def __init__(self, *arguments: Any, **keys: Any) -> None:  # noqa: ANN401 -- as asyncio has it
        self.number = next(_numbers)
        super().__init__(*arguments, **keys)

    def __hash__(self) -> int:
        return self.number


def _new_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **keys: Any) -> _NumberedTask:  # noqa: ANN401 -- same
    return _NumberedTask(coroutine, loop=loop, **keys)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time begins at 0 and passes only when every task waits. What belongs to a stopped process does not run."""

    _ready: deque[Any]
    _scheduled: list[Any]

    def __init__(self, rng: Random) -> None:
        self._seconds = 0.0
        super().__init__()
        self._rng = rng
        self.set_task_factory(_new_task)

    def time(self) -> float:
        return self._seconds

    def freeze(self, seconds: float) -> None:
        """The machine stops for a while: everything that was due meanwhile is late."""
        self._seconds += seconds

    def go_on(self, process: Process) -> None:
        """A stopped process runs again, and finds everything late."""
        process.is_stopped = False
        self._ready.extend(process.held)
        process.held.clear()

    def _run_once(self) -> None:
        """As asyncio has it, without a selector: nothing comes from outside."""
        if not self._ready:
            self._jump()
        while self._scheduled and self._scheduled[0].when() <= self._seconds:
            self._ready.append(heappop(self._scheduled))
        ready = list(self._ready)
        self._ready.clear()
        if len(ready) > 1:
            self._rng.shuffle(ready)
        self._run(ready)

    def _jump(self) -> None:
        while self._scheduled and self._scheduled[0].cancelled():
            heappop(self._scheduled)
        if not self._scheduled:
            raise NothingWillHappen
        self._seconds = max(self._seconds, self._scheduled[0].when())

    def _run(self, handles: Iterable[Any]) -> None:
        for handle in handles:
            if handle.cancelled():
                continue
            process = handle._context.get(CURRENT)
            if process is not None and process.is_stopped:
                process.held.append(handle)
            else:
                handle._run()


class VirtualClock:
    """The wall clock of the simulated machine: it may jump, which the loop's time never does."""

    def __init__(self, rng: Random) -> None:
        self.ahead = timedelta(0)
        self.jumped_at = 0.0
        self._rng = rng

    def jump(self, ahead: timedelta) -> None:
        """From now on it is this far ahead of the true time."""
        if ahead != self.ahead:
            self.ahead, self.jumped_at = ahead, anyio.current_time()

    def now(self) -> datetime:
        return self.true_now() + self.ahead

    def true_now(self) -> datetime:
        """The time in the world outside."""
        return BEGINS_AT + timedelta(seconds=anyio.current_time())

    async def sleep(self, period: timedelta) -> None:
        """Long waits end late, each by another time: loops that sleep equally long would march in step."""
        late = 1 + self._rng.random() / 5 if period >= _LONG else 1
        await anyio.sleep(max(0.0, period.total_seconds() * late))
