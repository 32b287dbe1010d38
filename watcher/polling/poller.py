"""The main loop of polling: claim what is due, fetch it, evaluate the answers, record them in batches."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio
import structlog
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream

from watcher.clock import Clock, Random, sleep_or
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, SlotMissed, StoreUnavailable
from watcher.polling import evaluate
from watcher.polling.circuit_breaker import CircuitBreakers
from watcher.polling.clock_skew import SkewGuard
from watcher.polling.fetch import ActiveSource, Fetcher
from watcher.polling.list_sync import ListSync
from watcher.polling.poll_runner import LEASE_MARGIN, PollRunner
from watcher.polling.rate_limit import AccountLimiter, SendSlot
from watcher.polling.recorder import Outcome, Recorder
from watcher.polling.source_plan import SourcePlan
from watcher.ports import (
    UNOBSERVED,
    AccountStates,
    Claim,
    ClaimRequest,
    ListSyncs,
    PollObserver,
    PollQueue,
)

_log = structlog.get_logger()

_AHEAD = timedelta(seconds=1)
"""How far ahead send slots are reserved: what a crash loses of the budget, and what one claim can spread."""
IDLE = timedelta(seconds=1)
"""Between two claims when nobody woke the poller: the command line writes to the same database."""
_AT_ONCE = 64
"""Requests of one source in progress at once."""
_CLAIMED = 16 * _AT_ONCE
"""Requests that are claimed at once, again when half of a source's are made: many share the commit of one claim.

It counts all sources together: a request that cannot leave within a second of its slot was claimed in vain.
"""
_WATCHES = 4000
"""How many watches the claimed requests may be about, where each request asks for many."""
_SLOT_WAITS = 4
_LONGEST_SLOT_WAIT = timedelta(minutes=10)
"""How long a crash may leave watches leased at rates below one request a minute."""
_BUFFERED = 1000


@dataclass(frozen=True, slots=True)
class PollStores:
    """Where watches are claimed from, and where polls, account states and list syncs are recorded."""

    queue: PollQueue
    accounts: AccountStates
    list_syncs: ListSyncs


class Poller:
    """Polls until `stop`; several may share a database. Each loop calls `on_heartbeat` on every iteration."""

    def __init__(
        self,
        stores: PollStores,
        clock: Clock,
        random: Random,
        *,
        on_events: Callable[[], None],
        on_heartbeat: Callable[[str], None],
        observer: PollObserver = UNOBSERVED,
        idle: timedelta = IDLE,
    ) -> None:
        self._queue = queue = stores.queue
        self._clock = clock
        self._idle = idle
        self._on_heartbeat = on_heartbeat
        self.skew = SkewGuard(idle)
        self._circuit_breakers = breakers = CircuitBreakers(
            stores.accounts,
            clock,
            random,
            self.skew,
            self._unclaimed_send_slot,
            plans=lambda: self._plans,
            on_recovery=self.wake,
        )
        fetcher = Fetcher(stores.accounts, clock, random, circuit_breakers=breakers, skew=self.skew)
        self._runner = PollRunner(queue, clock, fetcher, breakers.network, observer)
        self.recorder = Recorder(queue, clock, on_events=on_events, observer=observer)
        self._sources: dict[str, ActiveSource] = {}
        self._stopping = self._runner.stopping
        self._woken = anyio.Event()
        self._list_sync = ListSync(stores.list_syncs, self._runner, on_end=self.wake, idle=idle)

    def configure(self, plans: Mapping[str, SourcePlan]) -> None:
        """Poll these sources from now on. Requests in progress are finished and recorded by the old plan."""
        for name, plan in plans.items():
            if name in self._sources:
                self._sources[name].plan = plan
        self._sources = {
            name: self._sources.get(name) or ActiveSource(plan, AccountLimiter(self._clock))
            for name, plan in plans.items()
        }
        self.wake()

    def wake(self) -> None:
        """Claim due watches at once."""
        self._woken.set()

    def stop(self) -> None:
        """Claim nothing more; `run` ends when the requests in progress are recorded."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        send, receive = anyio.create_memory_object_stream[Outcome](_BUFFERED)
        async with anyio.create_task_group() as recording:
            recording.start_soon(self.recorder.run, receive)
            async with send, anyio.create_task_group() as polls:
                polls.start_soon(self._supervise_accounts)
                polls.start_soon(self._record_stale_clocks, send)
                polls.start_soon(self._list_sync.run, lambda: self._sources, send, self._on_heartbeat)
                await self._dispatch(polls, send)

    async def run_once(self) -> int:
        """Poll everything that is due now, once. Returns how many sources could not be asked."""
        send, receive = anyio.create_memory_object_stream[Outcome](_BUFFERED)
        async with anyio.create_task_group() as recording:
            recording.start_soon(self.recorder.run, receive)
            async with send:
                async with anyio.create_task_group() as probing:
                    await self._circuit_breakers.supervise(self._plans, probing)
                async with anyio.create_task_group() as sources:
                    for name in self._sources:
                        sources.start_soon(self._sync_and_exhaust, name, send)
                await self._record_stale(self._clock.now(), send)
        if self._circuit_breakers.network.is_down:
            return len(self._sources)
        return len(await self._circuit_breakers.paused_accounts(self._plans))

    async def renew_tokens(self) -> None:
        """Renew tokens that end soon, so that no poll has to wait; accounts that are not asked now need none."""
        plans: Mapping[str, SourcePlan] = {} if self._circuit_breakers.network.is_down else self._plans
        for name in plans.keys() - await self._circuit_breakers.paused_accounts(plans):
            try:
                await plans[name].provider.renew_token(self._unclaimed_send_slot(plans[name]))
            except (CredentialsRefused, ProviderUnavailable, SlotMissed) as error:
                _log.warning("token.not_renewed", source=name, error=str(error))

    @property
    def _plans(self) -> Mapping[str, SourcePlan]:
        return {name: source.plan for name, source in self._sources.items()}

    async def _sync_and_exhaust(self, name: str, send: MemoryObjectSendStream[Outcome]) -> None:
        await self._list_sync.sync_once(self._sources[name], send)
        await self._exhaust(name, send)

    async def _exhaust(self, name: str, send: MemoryObjectSendStream[Outcome]) -> None:
        """Poll what is due of one source, each watch once; a slow source does not hold up the others."""
        seen: set[int] = set()
        while claims := await self._queue.claim(self._clock.now(), self._wanted([name], patient=True), self._lease()):
            (claim,) = claims
            again = [watch for watch in claim.watches if watch.key in seen]
            fresh = tuple(watch for watch in claim.watches if watch.key not in seen)
            await self._queue.release(again, self._clock.now())
            if not fresh:
                return
            seen.update(watch.key for watch in fresh)
            async with anyio.create_task_group() as polls:
                self._start(polls, replace(claim, watches=fresh), send)

    async def _dispatch(self, polls: TaskGroup, send: MemoryObjectSendStream[Outcome]) -> None:
        names: Collection[str] = self._sources
        while not self._stopping.is_set():
            self._on_heartbeat("polling")
            self._woken = anyio.Event()
            claims: tuple[Claim, ...] = ()
            # Under load a claim of nothing takes as long as any, and the requests that were claimed run out meanwhile.
            if wanted := self._wanted(names):
                try:
                    claims = await self._queue.claim(self._clock.now(), wanted, self._lease())
                except StoreUnavailable as error:
                    _log.error("polls.unclaimed", error=str(error))
            for claim in claims:
                self._start(polls, claim, send)
            if not claims and not self._stopping.is_set():
                await sleep_or(self._clock, self._woken, self._idle)
            # Only a source that got something may get more at once.
            names = [claim.source for claim in claims] if claims and not self._woken.is_set() else self._sources

    def _wanted(self, names: Collection[str], *, patient: bool = False) -> list[ClaimRequest]:
        """`patient` reserves the next send slot however far ahead a slow rate puts it."""
        now = self._clock.now()
        return [
            ClaimRequest(
                source=name,
                interval=source.plan.spacing.interval,
                batch_size=source.plan.provider.batch_size,
                requests=self._most(source) - source.claimed,
                horizon=now + max(_AHEAD, 2 * source.plan.spacing.interval if patient else _AHEAD),
                hinted_only=source.is_syncing,
            )
            for name, source in self._sources.items()
            if name in names
            and source.claimed <= self._most(source) // 2
            and not self._circuit_breakers.network.is_down
        ]

    def _most(self, source: ActiveSource) -> int:
        """How many requests of it may be claimed at once."""
        return max(2, min(_CLAIMED // max(1, len(self._sources)), _WATCHES // source.plan.provider.batch_size))

    def _lease(self) -> timedelta:
        """Long enough for a request, its token and one repetition at the rate and time-out of the slowest source."""
        plans = self._plans.values()
        waits = (plan.timeout + min(_SLOT_WAITS * plan.spacing.interval, _LONGEST_SLOT_WAIT) for plan in plans)
        return LEASE_MARGIN + max(waits, default=timedelta(0))

    def _start(self, polls: TaskGroup, claim: Claim, send: MemoryObjectSendStream[Outcome]) -> None:
        source = self._sources.get(claim.source)
        if source is None:  # a reload removed it during the claim
            polls.start_soon(send.send, self._runner.given_back(claim.source, claim.watches))
            return
        source.waiting.extend(self._runner.requests(source, claim))
        for _ in range(min(len(source.waiting), _AT_ONCE - source.under_way)):
            source.under_way += 1
            polls.start_soon(self._poll_waiting, source, send)

    def _unclaimed_send_slot(self, plan: SourcePlan) -> SendSlot:
        source = self._sources.get(plan.name) or ActiveSource(plan, AccountLimiter(self._clock))
        return self._runner.send_slot(source)

    async def _poll_waiting(self, source: ActiveSource, send: MemoryObjectSendStream[Outcome]) -> None:
        """Make the source's waiting requests one after another; several tasks do this at once."""
        try:
            while source.waiting:
                watches, send_slot = source.waiting.popleft()
                self._wake_if_short(source)
                await self._runner.poll(source, watches, send_slot, send)
        finally:
            source.under_way -= 1
            self._wake_if_short(source)

    def _wake_if_short(self, source: ActiveSource) -> None:
        if source.claimed == self._most(source) // 2:  # earlier, every request would need a claim of its own
            self._woken.set()

    async def _supervise_accounts(self) -> None:
        async with anyio.create_task_group() as probing:
            while not self._stopping.is_set():
                self._on_heartbeat("accounts")
                try:
                    await self._circuit_breakers.supervise(self._plans, probing)
                except StoreUnavailable as error:
                    _log.error("accounts.unread", error=str(error))
                await sleep_or(self._clock, self._stopping, self._idle)
            probing.cancel_scope.cancel()

    async def _record_stale_clocks(self, send: MemoryObjectSendStream[Outcome]) -> None:
        """Record clock events from the last snapshot if no poll came within `clock_wait`."""
        while not self._stopping.is_set():
            self._on_heartbeat("clock")
            now = self._clock.now()
            self.skew.tick(now)
            try:
                await self._record_stale(now, send)
            except StoreUnavailable as error:
                _log.error("clock.unread", error=str(error))
            await sleep_or(self._clock, self._stopping, self._idle)

    async def _record_stale(self, now: datetime, send: MemoryObjectSendStream[Outcome]) -> None:
        waits = [source.plan.clock_wait for source in self._sources.values()]
        if not waits or self.skew.holds(now):
            return
        claims = await self._queue.claim_stale_clocks(
            now, tuple(self._sources), now - max(waits), _BUFFERED, LEASE_MARGIN
        )
        plans = self._plans
        for claim in claims:
            if plan := plans.get(claim.source):
                records = [evaluate.stale_clock(plan, watch, now) for watch in claim.watches]
                await send.send(Outcome(plan.name, claim.watches, records))
            else:  # a reload removed it during the claim
                await send.send(self._runner.given_back(claim.source, claim.watches))
