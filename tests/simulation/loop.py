"""An event loop whose time jumps to the next timer, and whose order is a seed's."""

import asyncio
import selectors
from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import anyio

BEGINS_AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
"""Within the thirty days after it, most time zones change their clocks."""


_LONG = timedelta(minutes=10)
_numbers = count()


class NothingWillHappen(Exception):
    """Every task waits, and no timer is set: the program has lost a wake-up for good."""


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for nothing: where the loop would wait, its time jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingWillHappen
        self.seconds += max(0.0, timeout)
        return []


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
    """Time begins at 0 and passes only when every task waits."""

    _ready: deque[Any]

    def __init__(self, rng: Random) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._rng = rng
        self.set_task_factory(_new_task)

    def time(self) -> float:
        return self._jumping.seconds

    def freeze(self, seconds: float) -> None:
        """The machine stops for a while: everything that was due meanwhile is late."""
        self._jumping.seconds += seconds

    def _run_once(self) -> None:
        if len(self._ready) > 1:
            waiting = list(self._ready)
            self._rng.shuffle(waiting)
            self._ready.clear()
            self._ready.extend(waiting)
        super()._run_once()  # type: ignore[misc]  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]


class VirtualClock:
    """The wall clock of the simulated machine: it may jump, which the loop's time never does."""

    def __init__(self, rng: Random) -> None:
        self.ahead = timedelta(0)
        self._rng = rng

    def now(self) -> datetime:
        return self.true_now() + self.ahead

    def true_now(self) -> datetime:
        """The time in the world outside."""
        return BEGINS_AT + timedelta(seconds=anyio.current_time())

    async def sleep(self, period: timedelta) -> None:
        """Long waits end late, each by another time: loops that sleep equally long would march in step."""
        late = 1 + self._rng.random() / 5 if period >= _LONG else 1
        await anyio.sleep(max(0.0, period.total_seconds() * late))
