"""A day's work of polling without a network: the program's own claim, evaluate and record, and time that jumps.

The polls of both backends are evaluated by `watcher.polling.evaluate`; one keeps what it records in SQLite, through the
program's own queue, the other in memory, which is quicker by far.
"""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from tests.benchmarks.receivables import Life
from tests.fakes.invoices import euros, invoice
from tests.fakes.polling import found, watch
from watcher.core.invoices.invoice import Status
from watcher.core.scheduling.allocation import UNSEEN, Census, HazardGroup
from watcher.core.scheduling.hazard import DAY, Tally
from watcher.polling import SourcePlan, evaluate
from watcher.polling.evaluate import Moment
from watcher.ports import ClaimedWatch, ClaimRequest, DesiredWatch, Found, PollRecord, SourceRow
from watcher.store import SqlHazardStats, SqlPollQueue, SqlWatches, Store

_LEASE = timedelta(hours=1)
_BATCH = 500
_STEP = timedelta(minutes=5)


class Backend(Protocol):
    async def begin(self, lives: Sequence[Life]) -> None:
        """Watch those that have been issued by now."""
        ...

    async def due(self) -> tuple[datetime, Sequence[ClaimedWatch]]:
        """Go to the next instant at which something is due, and take it."""
        ...

    async def record(self, records: Sequence[PollRecord]) -> None: ...

    async def census(self, source: str, provider: str, now: datetime, *, weighted: bool) -> Census: ...


class Ledger:
    """What the provider says of each invoice, and what policies' polls made of it."""

    def __init__(self, lives: Sequence[Life], plan: SourcePlan, seed: int = 3) -> None:
        self.plan = plan
        self.polls = 0
        self.seen_at: dict[str, datetime] = {}
        self._lives = {life.name: life for life in lives}
        self._open = {life.name: _answer(life, paid=False) for life in lives}
        self._random = Random(seed)  # noqa: S311 - every policy is as lucky

    def poll(self, watched: ClaimedWatch, now: datetime) -> PollRecord:
        life = self._lives[watched.invoice_id]
        is_paid = life.paid_at <= now
        self.polls += 1
        if is_paid:
            self.seen_at[life.name] = now
        answer = _answer(life, paid=True) if is_paid else self._open[life.name]
        return evaluate.found(self.plan, watched, answer, Moment(now, now, self._random.random()))


def _answer(life: Life, *, paid: bool) -> Found:
    total = str(life.amount)
    polled = invoice(
        Status.PAID if paid else Status.OPEN,
        euros(total, total if paid else "0.00"),
        id=life.name,
        due=life.due_on,
        paid_at=life.paid_at if paid else None,
    )
    return found(polled, b"paid" if paid else b"open")


@dataclass
class MemoryBackend:
    """The queue, the hazards and the hazard groups as the store keeps them, in dictionaries."""

    now: datetime
    watches: dict[int, ClaimedWatch] = field(default_factory=dict[int, ClaimedWatch])
    queue: list[tuple[datetime, int]] = field(default_factory=list[tuple[datetime, int]])
    dashboard_cache: Counter[HazardGroup] = field(default_factory=Counter[HazardGroup])
    unweighted: Counter[HazardGroup] = field(default_factory=Counter[HazardGroup])
    learned: dict[str, dict[int, Tally]] = field(default_factory=dict[str, dict[int, Tally]])
    known: Mapping[str, Mapping[int, Tally]] | None = None
    """What is known instead of what is learned."""

    async def begin(self, lives: Sequence[Life]) -> None:
        for life in lives:
            key = len(self.watches) + 1
            self.watches[key] = watch(key=key, invoice_id=life.name)
            heapq.heappush(self.queue, (max(self.now, life.issued_at), key))

    async def due(self) -> tuple[datetime, Sequence[ClaimedWatch]]:
        self.now, key = heapq.heappop(self.queue)
        return self.now, [self.watches[key]]

    async def record(self, records: Sequence[PollRecord]) -> None:
        for poll in records:
            before = self.watches[poll.key]
            after = replace(
                before,
                fingerprint=poll.fingerprint,
                memory=poll.change.memory if poll.change else before.memory,
                asked_at=poll.asked_at,
                fetched_at=poll.fetched_at,
                settled_at=poll.settled_at,
                clock_at=poll.clock_at,
                hazard_group=poll.hazard_group or before.hazard_group,
            )
            self.watches[poll.key] = after
            self._count(before.hazard_group, after)
            for one in poll.exposures:
                stages = self.learned.setdefault(one.status, {})
                known = stages.get(one.stage, Tally())
                stages[one.stage] = Tally(known.events + one.events, known.days + one.time / DAY)
            if poll.poll_at is not None:
                heapq.heappush(self.queue, (poll.poll_at, poll.key))

    async def census(self, source: str, provider: str, now: datetime, *, weighted: bool) -> Census:
        del source, provider, now
        return Census(self.dashboard_cache if weighted else self.unweighted, self.known or self.learned)

    def _count(self, before: HazardGroup, after: ClaimedWatch) -> None:
        if after.hazard_group == before and after.settled_at is None:
            return
        for counts, is_weighted in ((self.dashboard_cache, True), (self.unweighted, False)):
            if before != UNSEEN:
                one = _counted(before, weighted=is_weighted)
                counts[one] -= 1
                if not counts[one]:
                    del counts[one]
            if after.settled_at is None:
                counts[_counted(after.hazard_group, weighted=is_weighted)] += 1


def _counted(hazard_group: HazardGroup, *, weighted: bool) -> HazardGroup:
    return hazard_group if weighted else HazardGroup(hazard_group.status, hazard_group.due_hour)


@dataclass
class SqlBackend:
    """The program's own queue and surveys on a database, claimed from every five minutes."""

    store: Store
    source: str
    now: datetime
    waiting: list[Life] = field(default_factory=list[Life])

    async def begin(self, lives: Sequence[Life]) -> None:
        await SqlWatches(self.store).sync_sources([SourceRow(self.source, "meteroid")], self.now)
        self.waiting = sorted(lives, key=lambda life: life.issued_at, reverse=True)

    async def due(self) -> tuple[datetime, Sequence[ClaimedWatch]]:
        claimed: list[ClaimedWatch] = []
        while not claimed:
            self.now += _STEP
            await self._watch_issued()
            claimed = await self._claim()
        return self.now, claimed

    async def record(self, records: Sequence[PollRecord]) -> None:
        for start in range(0, len(records), _BATCH):
            lost = await SqlPollQueue(self.store).record(records[start : start + _BATCH], {})
            assert not lost

    async def census(self, source: str, provider: str, now: datetime, *, weighted: bool) -> Census:
        return await SqlHazardStats(self.store).census(source, provider, now, weighted=weighted)

    async def _watch_issued(self) -> None:
        issued: list[DesiredWatch] = []
        while self.waiting and self.waiting[-1].issued_at <= self.now:
            issued.append(DesiredWatch(self.source, self.waiting.pop().name))
        if issued:
            await SqlWatches(self.store).import_entries(issued, "cli", self.now)

    async def _claim(self) -> list[ClaimedWatch]:
        request = ClaimRequest(self.source, timedelta(0), 1, 10_000, self.now)
        claims = await SqlPollQueue(self.store).claim(self.now, [request], _LEASE)
        return [watched for claim in claims for watched in claim.watches]
