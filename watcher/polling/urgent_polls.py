"""Single looks beside a round: what was asked for, is new, went wrong or is the clock's waits for no list to end."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import anyio
import structlog
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream

from watcher.clock import Clock, sleep_or
from watcher.core.errors import StoreUnavailable
from watcher.polling.fetch import ActiveSource, Fetcher
from watcher.polling.rate_limit import SendSlot
from watcher.polling.recorder import Outcome, pass_on
from watcher.ports import Claim, ClaimedWatch, ClaimRequest, ListSyncs

_log = structlog.get_logger()

Guard = Callable[
    [ActiveSource, Sequence[ClaimedWatch], Callable[[], Awaitable[tuple[Outcome, ...]]]],
    Awaitable[tuple[Outcome, ...]],
]
"""Does the work, and gives the outcome of these watches where this program itself fails on it."""

_LOOK_EVERY = timedelta(seconds=2)
"""Shorter rounds are over before anybody has waited long."""
_REST = 10
"""To find out that nothing presses takes the longer the more is due: this many times as long nobody asks again."""
_AT_ONCE = timedelta(seconds=0.5)
"""So much of the rate is claimed at once, one request at least: the list's next page comes after it."""
_AHEAD = timedelta(seconds=1)
_LEASE_MARGIN = timedelta(minutes=2)
_PLACES_AHEAD = 4
"""Slots that those who wait already may have taken: the list's page, a token, a retry."""


class SendSlotFactory(Protocol):
    def __call__(self, source: ActiveSource, slots: list[datetime], last_at: datetime | None = None) -> SendSlot: ...


class UrgentPolls:
    def __init__(
        self,
        rounds: ListSyncs,
        clock: Clock,
        fetcher: Fetcher,
        *,
        send_slot: SendSlotFactory,
        guard: Guard,
        rests: Callable[[], bool],
    ) -> None:
        self._rounds = rounds
        self._clock = clock
        self._fetcher = fetcher
        self._send_slot = send_slot
        self._guard = guard
        self._rests = rests

    @asynccontextmanager
    async def at_work(
        self, source: ActiveSource, send: MemoryObjectSendStream[Outcome], *, new_since: datetime
    ) -> AsyncGenerator[None]:
        """Look beside what the block does; looks under way when it ends are finished.

        For the first look at what is due since before `new_since` the round will do.
        """
        over = anyio.Event()
        async with anyio.create_task_group() as looks:
            looks.start_soon(self._run, source, send, new_since, over)
            try:
                yield
            finally:
                over.set()

    async def _run(
        self,
        source: ActiveSource,
        send: MemoryObjectSendStream[Outcome],
        new_since: datetime,
        over: anyio.Event,
    ) -> None:
        await sleep_or(self._clock, over, _LOOK_EVERY)
        while not over.is_set():
            began_at = self._clock.now()
            claim = None if self._rests() else await self._claimed(source, new_since)
            if claim is None:
                took = self._clock.now() - began_at
                await sleep_or(self._clock, over, max(_LOOK_EVERY, _REST * took))
                continue
            async with anyio.create_task_group() as looks:
                self._start(looks, source, claim, send)

    async def _claimed(self, source: ActiveSource, new_since: datetime) -> Claim | None:
        plan, now = source.plan, self._clock.now()
        ahead = max(_AHEAD, _PLACES_AHEAD * plan.spacing.interval)
        request = ClaimRequest(
            source=plan.name,
            interval=plan.spacing.interval,
            batch_size=plan.provider.batch_size,
            requests=max(1, _AT_ONCE // plan.spacing.interval),
            horizon=now + ahead,
        )
        try:
            lease = _LEASE_MARGIN + ahead + plan.timeout
            return await self._rounds.claim_urgent(request, now, lease, new_since=new_since)
        except StoreUnavailable as error:
            _log.error("polls.unclaimed", error=str(error))
            return None

    def _start(
        self, looks: TaskGroup, source: ActiveSource, claim: Claim, send: MemoryObjectSendStream[Outcome]
    ) -> None:
        last_at = claim.lease_ends_at - source.plan.timeout
        for slot, watches in claim.requests():
            looks.start_soon(self._look, source, watches, self._send_slot(source, [slot], last_at), send)

    async def _look(
        self,
        source: ActiveSource,
        watches: Sequence[ClaimedWatch],
        send_slot: SendSlot,
        send: MemoryObjectSendStream[Outcome],
    ) -> None:
        for outcome in await self._guard(source, watches, partial(self._fetcher.result, source, watches, send_slot)):
            await pass_on(send, outcome)
