"""Takes hints: verifies them, limits them, and makes what they name due in the database."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio
import structlog

from watcher.clock import Clock
from watcher.core.errors import HintUnreadable, StoreUnavailable
from watcher.ports import (
    HintedIds,
    HintObserver,
    HintOutcome,
    HintReceipt,
    HintRequest,
    Hints,
    HintScheme,
    HintsTaken,
)

PER_SECOND = 50
BURST = 500
_TRY_AGAIN_SECONDS = 5

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HintSource:
    """How hints of one source are verified. `discovery_interval` as in `ports.HintedIds`."""

    schemes: tuple[HintScheme, ...]
    discovery_interval: timedelta | None = None


@dataclass(slots=True)
class _Bucket:
    """Allows `PER_SECOND` genuine hints, and `BURST` at once."""

    tokens: float = BURST
    filled_at: datetime | None = None

    def has_room(self, now: datetime) -> bool:
        if self.filled_at is not None and now > self.filled_at:
            self.tokens = min(BURST, self.tokens + (now - self.filled_at).total_seconds() * PER_SECOND)
        self.filled_at = now
        return self.tokens >= 1

    def take(self) -> None:
        self.tokens -= 1


@dataclass(slots=True, eq=False)
class _Waiting:
    """The invoices of one hint, until they are in the database."""

    hint: HintedIds
    taken: HintsTaken | None = None
    error: StoreUnavailable | None = None
    is_done: bool = False


@dataclass(slots=True)
class _Source:
    plan: HintSource
    bucket: _Bucket = field(default_factory=_Bucket)
    is_refusing: bool = False


class HintIntake:
    """One for all sources of a process. Hints that come together share one transaction."""

    def __init__(self, hints: Hints, clock: Clock, *, observer: HintObserver, on_due: Callable[[], None]) -> None:
        self._hints = hints
        self._clock = clock
        self._observer = observer
        self._on_due = on_due
        self._sources: dict[str, _Source] = {}
        self._waiting: list[_Waiting] = []
        self._writing = anyio.Lock()
        self._counts = Counter[tuple[str, HintOutcome]]()

    def configure(self, sources: Mapping[str, HintSource]) -> None:
        """Take hints for these sources from now on."""
        known = self._sources
        self._sources = {
            name: _Source(plan, known[name].bucket if name in known else _Bucket()) for name, plan in sources.items()
        }

    def takes(self, source: str) -> bool:
        return source in self._sources

    def limited(self, source: str) -> HintReceipt | None:
        """The receipt of a hint that comes beyond the limit; it need not be read."""
        if self._sources[source].bucket.has_room(self._clock.now()):
            return None
        return self._observed(source, HintReceipt(HintOutcome.LIMITED, retry_after=1))

    async def take(self, source: str, request: HintRequest) -> HintReceipt:
        """Verify and write one hint of a source that `takes` hints. Forged ones use up nothing of its limit."""
        known = self._sources[source]
        scheme = next((one for one in known.plan.schemes if one.verify(request)), None)
        if scheme is None:
            if not known.is_refusing:  # once until a good one comes: anybody can send wrong ones
                known.is_refusing = True
                _log.warning("hint.refused", source=source, reason="its signature is wrong, missing or too old")
            return self._observed(source, HintReceipt(HintOutcome.REFUSED))
        known.is_refusing = False
        known.bucket.take()
        try:
            ids = scheme.invoice_ids(request.body)
        except HintUnreadable as error:
            return self._observed(source, HintReceipt(HintOutcome.UNREADABLE, str(error)))
        if not ids:
            return self._observed(source, HintReceipt(HintOutcome.IGNORED))
        waiting = _Waiting(HintedIds(source, ids, known.plan.discovery_interval))
        try:
            await self._write(waiting)
        except StoreUnavailable as error:
            _log.error("hint.unstored", source=source, error=str(error))
            return self._observed(source, HintReceipt(HintOutcome.UNSTORED, retry_after=_TRY_AGAIN_SECONDS))
        _log.debug("hint.taken", source=source, invoices=len(ids))
        return self._observed(source, HintReceipt(HintOutcome.ACCEPTED), waiting.taken)

    async def count(self) -> None:
        """Write what became of hints since the last call. Raises StoreUnavailable; the counts are kept then."""
        counts, self._counts = self._counts, Counter[tuple[str, HintOutcome]]()
        try:
            await self._hints.count(counts)
        except StoreUnavailable:
            self._counts.update(counts)
            raise

    async def _write(self, waiting: _Waiting) -> None:
        """Return once it is in the database. Raises StoreUnavailable."""
        self._waiting.append(waiting)
        async with self._writing:
            if not waiting.is_done:
                await self._write_all()
        if waiting.error is not None:
            raise waiting.error

    async def _write_all(self) -> None:
        batch, self._waiting = self._waiting, []
        taken: Mapping[str, HintsTaken] = {}
        for one in batch:
            one.error, one.is_done = StoreUnavailable("the hint could not be written"), True
        with anyio.CancelScope(shield=True):  # one client that goes away must not lose the hints of others
            try:
                taken = await self._hints.take(_merged(batch), self._clock.now())
            except StoreUnavailable as error:
                for one in batch:
                    one.error = error
                return
        for one in batch:
            one.error = None
        for source, result in taken.items():
            next(one for one in batch if one.hint.source == source).taken = result
        self._on_due()

    def _observed(self, source: str, receipt: HintReceipt, taken: HintsTaken | None = None) -> HintReceipt:
        self._counts[source, receipt.outcome] += 1
        self._observer.hinted(source, receipt.outcome, taken)
        return receipt


def _merged(batch: list[_Waiting]) -> list[HintedIds]:
    """One for each source."""
    ids: dict[str, list[str]] = {}
    for one in batch:
        ids.setdefault(one.hint.source, []).extend(one.hint.ids)
    intervals = {one.hint.source: one.hint.discovery_interval for one in batch}
    return [HintedIds(source, tuple(found), intervals[source]) for source, found in ids.items()]
