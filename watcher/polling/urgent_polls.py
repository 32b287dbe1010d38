"""Polls that must not wait for a running list sync: requested, new, failed and clock-due invoices."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import anyio
import structlog
from anyio.streams.memory import MemoryObjectSendStream

from watcher.clock import sleep_or
from watcher.core.errors import StoreUnavailable
from watcher.polling.fetch import ActiveSource
from watcher.polling.poll_runner import LEASE_MARGIN, PollRunner
from watcher.polling.recorder import Outcome
from watcher.ports import Claim, ClaimRequest, ListSyncs

_log = structlog.get_logger()

_CLAIM_EVERY = timedelta(seconds=2)
"""Shorter rounds end before anybody has waited long."""
_REST = 10
"""After a claim that found nothing urgent, wait this many times as long as it took: its cost grows with the backlog."""
_AT_ONCE = timedelta(seconds=0.5)
"""How much of the rate is claimed at once, but at least one request: the next page of the list comes after it."""
_AHEAD = timedelta(seconds=1)
_PLACES_AHEAD = 4
"""Slots that may be taken before ours: the list's page, a token, a retry."""


class UrgentPolls:
    def __init__(self, list_syncs: ListSyncs, runner: PollRunner) -> None:
        self._list_syncs = list_syncs
        self._runner = runner
        self._clock = runner.clock

    @asynccontextmanager
    async def at_work(
        self, source: ActiveSource, send: MemoryObjectSendStream[Outcome], *, new_since: datetime
    ) -> AsyncGenerator[None]:
        """Make urgent polls while the block runs; polls in progress when it ends are finished.

        New watches that have been due since before `new_since` are left to the round.
        """
        over = anyio.Event()
        async with anyio.create_task_group() as polls:
            polls.start_soon(self._run, source, send, new_since, over)
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
        await sleep_or(self._clock, over, _CLAIM_EVERY)
        while not over.is_set():
            began_at = self._clock.now()
            claim = None if self._runner.network.is_down else await self._claimed(source, new_since)
            if claim is None:
                took = self._clock.now() - began_at
                await sleep_or(self._clock, over, max(_CLAIM_EVERY, _REST * took))
                continue
            async with anyio.create_task_group() as polls:
                for watches, send_slot in self._runner.requests(source, claim):
                    polls.start_soon(self._runner.poll, source, watches, send_slot, send)

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
            lease = LEASE_MARGIN + ahead + plan.timeout
            return await self._list_syncs.claim_urgent(request, now, lease, new_since=new_since)
        except StoreUnavailable as error:
            _log.error("polls.unclaimed", error=str(error))
            return None
