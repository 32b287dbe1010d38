"""Records the outcomes of polls in batches: one commit each would limit the program to the disk's commit rate."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import anyio
import anyio.lowlevel
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from watcher.clock import Clock
from watcher.core.errors import StoreUnavailable
from watcher.core.value_object import value_object
from watcher.ports import UNOBSERVED, ClaimedWatch, PollObserver, PollOutcome, PollQueue, PollRecord, WatchState

_log = structlog.get_logger()

_BATCH = 500
_LINGER = timedelta(milliseconds=20)
"""How long the first outcome of a batch waits for more."""
_BUSY = 50
_LINGERS = 3
"""How many times it waits while many outcomes come: a batch costs the same for few as for many."""
_RETRY = timedelta(seconds=1)
_TRIES = 60
"""After this many the leases have ended, and the polls are made again."""


@value_object
class Outcome:
    """The records of one request for these watches. `success_at` is when a request began that was answered well.

    `unasked` are watches to give back without a poll, due again at `due_at`.
    """

    source: str
    watches: Sequence[ClaimedWatch] = ()
    records: Sequence[PollRecord] = ()
    success_at: datetime | None = None
    unasked: Sequence[ClaimedWatch] = ()
    due_at: datetime | None = None


async def pass_on(outcomes: MemoryObjectSendStream[Outcome], outcome: Outcome) -> None:
    """Send without switching tasks if there is room: switching costs a tenth of a poll."""
    try:
        outcomes.send_nowait(outcome)
    except anyio.WouldBlock:
        await outcomes.send(outcome)
    except anyio.BrokenResourceError:
        await anyio.lowlevel.checkpoint_if_cancelled()  # as the recorder was a moment ago
        raise


class Recorder:
    """Writes what has come since the last batch, and counts it."""

    def __init__(
        self, queue: PollQueue, clock: Clock, *, on_events: Callable[[], None], observer: PollObserver = UNOBSERVED
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._on_events = on_events
        self._observer = observer
        self.polled = 0
        self.failed = 0

    async def run(self, outcomes: MemoryObjectReceiveStream[Outcome]) -> None:
        """Write until the stream is closed by all its senders and empty."""
        async with outcomes:
            async for outcome in outcomes:
                batch, size = [outcome], 0
                for _ in range(_LINGERS):
                    await self._clock.sleep(_LINGER)
                    size = _fill(batch, outcomes)
                    if not _BUSY <= size < _BATCH:
                        break
                await self._write(batch)

    async def _write(self, batch: list[Outcome]) -> None:
        await self._give_back(batch)
        records = [record for outcome in batch for record in outcome.records]
        if not records:
            return
        successes: dict[str, datetime] = {}
        for outcome in batch:
            if outcome.success_at is not None:
                successes[outcome.source] = max(outcome.success_at, successes.get(outcome.source, outcome.success_at))
        for _ in range(_TRIES):
            try:
                lost = await self._queue.record(records, successes)
                break
            except StoreUnavailable as error:
                _log.error("polls.unrecorded", polls=len(records), error=str(error))
                await self._clock.sleep(_RETRY)
        else:
            self.failed += len(records)
            return
        for outcome in batch:
            self._log_outcome(outcome, lost)
        self._count(batch, lost)
        _log.debug("polls.recorded", polls=len(records), lost=len(lost))
        if any(record.change and record.change.events for record in records if record.key not in lost):
            self._on_events()

    async def _give_back(self, batch: list[Outcome]) -> None:
        """In one transaction: when an account asks for a pause, hundreds come at once, each with its own instant."""
        watches = [watch for outcome in batch for watch in outcome.unasked]
        if not watches:
            return
        self.failed += len(watches)
        try:
            await self._queue.release(watches, min(one.due_at for one in batch if one.due_at is not None))
        except StoreUnavailable as error:
            _log.error("polls.left_leased", polls=len(watches), error=str(error))

    def _count(self, batch: list[Outcome], lost: frozenset[int]) -> None:
        counts = Counter[tuple[str, PollOutcome]]()
        for outcome in batch:
            for record in outcome.records:
                if not record.clock_only and record.key not in lost:
                    counts[outcome.source, _outcome(record)] += 1
        for (source, how), count in counts.items():
            self.polled += count
            self._observer.polled(source, how, count)

    def _log_outcome(self, outcome: Outcome, lost: frozenset[int]) -> None:
        for record in outcome.records:
            if record.key in lost:
                _log.warning("poll.lease_lost", source=outcome.source, invoice_id=_invoice_id(outcome, record))
                continue
            if record.is_unchanged:
                continue
            if record.state is WatchState.FAILING:
                self.failed += 1
                _log.warning(
                    "poll.failed",
                    source=outcome.source,
                    invoice_id=_invoice_id(outcome, record),
                    failures=record.failures,
                    error=record.last_error,
                )
            for event in record.change.events if record.change else ():
                self._observer.recorded(event)
                _log.info("event.recorded", id=event.id, type=event.type, source=event.source, sequence=event.sequence)


def _fill(batch: list[Outcome], outcomes: MemoryObjectReceiveStream[Outcome]) -> int:
    """Add what has come; returns how many records the batch has then."""
    size = sum(len(outcome.records) for outcome in batch)
    while size < _BATCH:
        try:
            batch.append(outcomes.receive_nowait())
        except (anyio.WouldBlock, anyio.EndOfStream):
            break
        size += len(batch[-1].records)
    return size


def _outcome(record: PollRecord) -> PollOutcome:
    if record.state is WatchState.FAILING:
        return PollOutcome.FAILED
    if record.misses:
        return PollOutcome.MISSING
    return PollOutcome.CHANGED if record.change and record.change.events else PollOutcome.UNCHANGED


def _invoice_id(outcome: Outcome, record: PollRecord) -> str:
    return next(watch.invoice_id for watch in outcome.watches if watch.key == record.key)
