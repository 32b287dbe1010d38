"""Waits for events: woken by events recorded in this process, and by a slow sweep for those of other processes."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

import anyio

from watcher.clock import Clock
from watcher.core.errors import StoreUnavailable
from watcher.web.problems import Problem

SWEEP = timedelta(seconds=1)
MOST_LISTENERS = 200
"""Long-polls and streams at once: each wakes up and reads at every event."""

_T = TypeVar("_T")


class Feed:
    """One for all that wait.

    `newest_cursor` is read once per sweep, however many wait, and not at all while nobody does.
    """

    def __init__(
        self, newest_cursor: Callable[[], Awaitable[int]], clock: Clock, *, most_listeners: int = MOST_LISTENERS
    ) -> None:
        self._newest_cursor = newest_cursor
        self._clock = clock
        self._most_listeners = most_listeners
        self.listeners = 0
        self._woken, self._listened_to = anyio.Event(), anyio.Event()
        self.is_closed = False

    def notify(self) -> None:
        """There may be events: everything that waits reads again."""
        self._woken.set()
        self._woken = anyio.Event()

    def close(self) -> None:
        """End all waiting: long-polls answer with what there is, streams end."""
        self.is_closed = True
        self.notify()

    @contextmanager
    def listening(self) -> Generator[None]:
        """Raises Problem if too many wait already."""
        if self.listeners >= self._most_listeners:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._most_listeners} clients wait for events already: ask without `wait`, or later",
                headers={"Retry-After": "5"},
            )
        self.listeners += 1
        self._listened_to.set()
        try:
            yield
        finally:
            self.listeners -= 1

    async def first(self, read: Callable[[], Awaitable[Sequence[_T]]], patience: timedelta) -> Sequence[_T]:
        """What `read` gives as soon as it gives anything; nothing after `patience`, or when the feed is closed."""
        ends_at = anyio.current_time() + patience.total_seconds()
        while True:
            # Taken before reading: a notification during the read is not missed.
            woken = self._woken
            found = await read()
            left = ends_at - anyio.current_time()
            if found or left <= 0 or self.is_closed:
                return found
            with anyio.move_on_after(left):
                await woken.wait()

    async def sweep(self) -> None:
        """Find events that other processes have recorded, until cancelled."""
        known = 0
        while True:
            if not self.listeners:
                self._listened_to = anyio.Event()
                await self._listened_to.wait()
            await self._clock.sleep(SWEEP)
            try:
                newest = await self._newest_cursor()
            except StoreUnavailable:
                continue
            if newest != known:
                known = newest
                self.notify()
