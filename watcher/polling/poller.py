"""The straight line of a poll: claim what is due, fetch it, judge what came, record it in batches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio
import structlog
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream

from watcher.clock import Clock, Dice, sleep_or
from watcher.core.errors import (
    CredentialsRefused,
    InvoiceRefused,
    ProviderUnavailable,
    RateLimited,
    SlotMissed,
    StoreUnavailable,
)
from watcher.core.schedule import is_deleted, next_probe
from watcher.polling import judge
from watcher.polling.circuit import AccountError, Circuits
from watcher.polling.judge import Moment
from watcher.polling.pacing import Gate, Turn
from watcher.polling.plan import SourcePlan
from watcher.polling.recorder import Outcome, Recorder
from watcher.polling.skew import SkewGuard
from watcher.ports import (
    Accounts,
    Claim,
    ClaimedWatch,
    ClaimRequest,
    Fetched,
    Found,
    Look,
    Missing,
    PollQueue,
    PollRecord,
)

_log = structlog.get_logger()

_AHEAD = timedelta(seconds=1)
"""How far ahead send instants are reserved: what a crash loses of the budget, and what one claim can spread."""
_IDLE = timedelta(seconds=1)
"""Between two looks for due watches when nobody woke us: the command line writes to the same database."""
_IN_FLIGHT = 64
"""Requests of one source at once."""
_LEASE_MARGIN = timedelta(minutes=2)
_BUFFERED = 1000


@dataclass(slots=True)
class _Source:
    """One source at work."""

    plan: SourcePlan
    gate: Gate
    in_flight: int = 0
    rate_limited: int = 0


class Poller:
    """Runs until `stop`; several may share a database. `on_turn` is called by every loop that turns."""

    def __init__(
        self,
        queue: PollQueue,
        accounts: Accounts,
        clock: Clock,
        dice: Dice,
        *,
        on_events: Callable[[], None],
        on_turn: Callable[[str], None],
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._dice = dice
        self._on_turn = on_turn
        self._accounts = accounts
        self.skew = SkewGuard()
        self._circuits = Circuits(accounts, clock, dice, self.skew, self._unclaimed_turn)
        self.recorder = Recorder(queue, clock, on_events=on_events)
        self._sources: dict[str, _Source] = {}
        self._stopping = anyio.Event()
        self._woken = anyio.Event()

    def configure(self, plans: Mapping[str, SourcePlan]) -> None:
        """Poll these sources from now on. What is in flight is finished and recorded under the old plan."""
        known = self._sources
        self._sources = {
            name: _Source(plan, known[name].gate if name in known else Gate(self._clock))
            for name, plan in plans.items()
        }
        self.wake()

    def wake(self) -> None:
        """Look for due watches at once."""
        self._woken.set()

    def stop(self) -> None:
        """Claim nothing more; `run` ends when what is in flight is recorded."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        send, receive = anyio.create_memory_object_stream[Outcome](_BUFFERED)
        async with anyio.create_task_group() as recording:
            recording.start_soon(self.recorder.run, receive)
            async with send, anyio.create_task_group() as polls:
                polls.start_soon(self._look_after_accounts)
                polls.start_soon(self._tell_stale_clocks, send)
                await self._dispatch(polls, send)

    async def run_once(self) -> None:
        """Poll everything that is due now, once."""
        send, receive = anyio.create_memory_object_stream[Outcome](_BUFFERED)
        async with anyio.create_task_group() as recording:
            recording.start_soon(self.recorder.run, receive)
            async with send:
                seen: set[int] = set()
                while await self._claim_and_finish(send, seen):
                    pass

    async def _claim_and_finish(self, send: MemoryObjectSendStream[Outcome], seen: set[int]) -> bool:
        claims = await self._queue.claim(self._clock.now(), self._wanted(), self._lease())
        fresh = [claim for claim in claims if not seen.issuperset(watch.key for watch in claim.watches)]
        for claim in claims:
            if claim not in fresh:
                await self._queue.release(claim.watches, self._clock.now())
        async with anyio.create_task_group() as polls:
            for claim in fresh:
                seen.update(watch.key for watch in claim.watches)
                self._start(polls, claim, send)
        return bool(fresh)

    async def _dispatch(self, polls: TaskGroup, send: MemoryObjectSendStream[Outcome]) -> None:
        while not self._stopping.is_set():
            self._on_turn("polling")
            self._woken = anyio.Event()
            claims: tuple[Claim, ...] = ()
            try:
                claims = await self._queue.claim(self._clock.now(), self._wanted(), self._lease())
            except StoreUnavailable as error:
                _log.error("polls.unclaimed", error=str(error))
            for claim in claims:
                self._start(polls, claim, send)
            if not claims and not self._stopping.is_set():
                await sleep_or(self._clock, self._woken, _IDLE)

    def _wanted(self) -> list[ClaimRequest]:
        horizon = self._clock.now() + _AHEAD
        return [
            ClaimRequest(
                source=name,
                interval=source.plan.interval,
                batch_size=source.plan.provider.batch_size,
                requests=_IN_FLIGHT - source.in_flight,
                horizon=horizon,
            )
            for name, source in self._sources.items()
            if source.in_flight < _IN_FLIGHT
        ]

    def _lease(self) -> timedelta:
        return _LEASE_MARGIN + max((source.plan.timeout for source in self._sources.values()), default=timedelta(0))

    def _start(self, polls: TaskGroup, claim: Claim, send: MemoryObjectSendStream[Outcome]) -> None:
        source = self._sources.get(claim.source)
        if source is None:
            return
        size = -(-len(claim.watches) // len(claim.slots))
        for number, slot in enumerate(claim.slots):
            watches = claim.watches[number * size : (number + 1) * size]
            if watches:
                source.in_flight += 1
                turn = self._turn(source, [slot], claim.lease_ends_at)
                polls.start_soon(self._poll, source, watches, turn, send)

    def _turn(self, source: _Source, slots: list[datetime], lease_ends_at: datetime | None = None) -> Turn:
        plan = source.plan
        return Turn(plan.name, plan.interval, plan.burst, source.gate, self._queue, self._clock, slots, lease_ends_at)

    def _unclaimed_turn(self, plan: SourcePlan) -> Turn:
        source = self._sources.get(plan.name) or _Source(plan, Gate(self._clock))
        return self._turn(source, [])

    async def _poll(
        self, source: _Source, watches: Sequence[ClaimedWatch], turn: Turn, send: MemoryObjectSendStream[Outcome]
    ) -> None:
        try:
            await send.send(await self._look(source, watches, turn))
        except Exception as error:  # noqa: BLE001 - the one place: a bug in reading one invoice must not end the daemon
            _log.exception("poll.crashed", source=source.plan.name, invoices=[watch.invoice_id for watch in watches])
            at = self._moment(self._clock.now(), self._clock.now())
            crash = InvoiceRefused(f"this program failed on it: {type(error).__name__}: {error}")
            await send.send(Outcome(source.plan.name, [judge.failed(source.plan, one, crash, at) for one in watches]))
        finally:
            source.in_flight -= 1
            if source.in_flight == _IN_FLIGHT // 2:  # sooner, and every finished poll would cost a claim of its own
                self._woken.set()

    async def _look(self, source: _Source, watches: Sequence[ClaimedWatch], turn: Turn) -> Outcome:
        plan, asked_at = source.plan, self._clock.now()
        try:
            fetched = await plan.provider.fetch([watch.invoice_id for watch in watches], turn)
        except SlotMissed:
            return await self._give_back(plan, watches, asked_at)
        except RateLimited as error:
            return await self._back_off(source, watches, error)
        except (CredentialsRefused, ProviderUnavailable) as error:
            return await self._doubt(source, watches, turn, error, asked_at)
        source.rate_limited = 0
        self.skew.saw(plan.name, fetched.server_date, fetched.answered_at)
        if any(isinstance(look, Found) for look in fetched.looks.values()):
            self._circuits.answered(plan.name, fetched.asked_at)
        records = [await self._judge(plan, watch, fetched.looks[watch.invoice_id], fetched) for watch in watches]
        return Outcome(plan.name, records, fetched.asked_at)

    async def _judge(self, plan: SourcePlan, watch: ClaimedWatch, look: Look, fetched: Fetched) -> PollRecord:
        at = self._moment(fetched.asked_at, fetched.answered_at)
        if isinstance(look, Found):
            return judge.found(plan, watch, look, at)
        if not isinstance(look, Missing):
            return judge.failed(plan, watch, look.error, at)
        first = watch.first_missed_at
        could_be_last = first is not None and is_deleted(watch.misses + 1, first, at.answered_at, plan.looks)
        account_answers = first is not None and could_be_last and await self._circuits.answers(plan, first)
        return judge.missed(plan, watch, at, account_answers=account_answers)

    def _moment(self, asked_at: datetime, answered_at: datetime) -> Moment:
        return Moment(asked_at, answered_at, self._dice(), clock_held=self.skew.holds(answered_at))

    async def _give_back(self, plan: SourcePlan, watches: Sequence[ClaimedWatch], poll_at: datetime) -> Outcome:
        await self._queue.release(watches, poll_at)
        return Outcome(plan.name, [])

    async def _back_off(self, source: _Source, watches: Sequence[ClaimedWatch], error: ProviderUnavailable) -> Outcome:
        now = self._clock.now()
        until = now + error.retry_after if error.retry_after else next_probe(now, source.rate_limited, self._dice())
        source.rate_limited += 1
        await self._accounts.back_off(source.plan.name, until)
        _log.warning("source.backed_off", source=source.plan.name, until=until.isoformat(), error=str(error))
        return await self._give_back(source.plan, watches, now)

    async def _doubt(
        self, source: _Source, watches: Sequence[ClaimedWatch], turn: Turn, error: AccountError, asked_at: datetime
    ) -> Outcome:
        """A request failed as a whole: find out whether the account, the request or one invoice is at fault."""
        plan = source.plan
        if isinstance(error, ProviderUnavailable) and error.retry_after is not None:
            return await self._back_off(source, watches, error)
        if await self._circuits.is_account_failing(plan, error, asked_at):
            return await self._give_back(plan, watches, asked_at)
        if len(watches) == 1:
            at = self._moment(asked_at, self._clock.now())
            return Outcome(plan.name, [judge.failed(plan, watches[0], error, at)])
        middle = len(watches) // 2
        halves = [await self._look(source, part, turn) for part in (watches[:middle], watches[middle:])]
        return Outcome(plan.name, [record for half in halves for record in half.records], halves[-1].success_at)

    async def _look_after_accounts(self) -> None:
        while not self._stopping.is_set():
            self._on_turn("accounts")
            try:
                await self._circuits.look_after({name: source.plan for name, source in self._sources.items()})
            except StoreUnavailable as error:
                _log.error("accounts.unread", error=str(error))
            await sleep_or(self._clock, self._stopping, _IDLE)

    async def _tell_stale_clocks(self, send: MemoryObjectSendStream[Outcome]) -> None:
        """Clock events whose fresh look did not come within `clock_wait` are told from the last snapshot."""
        while not self._stopping.is_set():
            self._on_turn("clock")
            now = self._clock.now()
            waits = [source.plan.clock_wait for source in self._sources.values()]
            if waits and not self.skew.holds(now):
                try:
                    await self._tell_stale(now, max(waits), send)
                except StoreUnavailable as error:
                    _log.error("clock.unread", error=str(error))
            await sleep_or(self._clock, self._stopping, _IDLE)

    async def _tell_stale(self, now: datetime, clock_wait: timedelta, send: MemoryObjectSendStream[Outcome]) -> None:
        claims = await self._queue.claim_stale_clocks(
            now, tuple(self._sources), now - clock_wait, _BUFFERED, _LEASE_MARGIN
        )
        for claim in claims:
            plan = self._sources[claim.source].plan
            await send.send(Outcome(plan.name, [judge.told_unseen(plan, watch, now) for watch in claim.watches]))
