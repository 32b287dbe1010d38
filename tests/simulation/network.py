"""What the service reaches: providers at their port, receivers at the sender's port."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import anyio

from tests.simulation.invoices import Bill, Ledger, Version, read
from tests.simulation.loop import VirtualClock
from tests.simulation.processes import Step, current
from watcher.core.errors import InvalidAnswer, ListRefused, ProviderUnavailable, RateLimited, Unreachable, WatcherError
from watcher.core.invoices.invoice import Invoice, Snapshot
from watcher.core.json_text import Document
from watcher.ports import (
    Attempt,
    Failed,
    Fetched,
    Found,
    Known,
    Listed,
    Missing,
    Outcome,
    Page,
    PollResult,
    RateLimiter,
    Receipt,
)
from watcher.ports.providers import NOTHING_KNOWN
from watcher.providers.toolkit.documents import digest
from watcher.webhook import Target

Trace = Callable[[str], None]
_PAGE = 4
_TIMEOUT_SECONDS = 15
DENIED_SECONDS = 3000.0
"""Shorter than `confirm_deleted`."""
_BELIEVED_SECONDS = 5 * 86400.0
_HTML, _CUT = ProviderUnavailable("an HTML page"), ListRefused("not JSON: it ends in the middle")
_DATED_SECONDS = 4 * 3600
"""So long after a jump of our clock every answer has a date: the program looks at its clock every half hour here, and
every second in the world.
"""


@dataclass
class Weather:
    """How likely each fault is, from 0 to 1; all zero when it is calm."""

    provider: float = 0.0
    receiver: float = 0.0
    skew: timedelta = timedelta(0)
    denies_until: float = 0.0
    """Until then providers say of every invoice that it is not there; too short to believe it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a receiver got. `at` is in seconds of true time."""

    at: float
    endpoint: str
    event_id: str
    body: bytes


@dataclass
class World:
    """Everything outside the process, which goes on when the process dies."""

    rng: Random
    clock: VirtualClock
    trace: Trace
    ledger: Ledger
    weather: Weather = field(default_factory=Weather)
    denied_from: dict[str, float] = field(default_factory=dict[str, float])
    served: dict[str, int] = field(default_factory=dict[str, int])
    """The version of each invoice that was asked for last."""
    requests: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """When each source was asked, in seconds of true time."""
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    polled: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """When each invoice was asked for by its id."""
    hinted: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    """Accepted hints: when, and about which invoice."""
    mistakes: list[str] = field(default_factory=list[str])

    def may_deny(self, bill: Bill) -> bool:
        """Whether its provider may say wrongly that it is not there: for less than `confirm_deleted`, then not again
        for so long that a good answer has been recorded meanwhile.
        """
        now = anyio.current_time()
        first = self.denied_from.get(bill.id)
        if first is None or now - first > _BELIEVED_SECONDS:
            self.denied_from[bill.id] = first = now
        return now - first < DENIED_SECONDS

    def strikes(self, likelihood: float) -> bool:
        return self.rng.random() < likelihood

    async def last(self, *, longest: float = 2.0) -> None:
        """As long as a request takes."""
        await anyio.sleep(self.rng.random() ** 3 * longest)


@dataclass
class SimulatedProvider:
    """One account; `lists` says whether it has lists."""

    world: World
    source: str
    lists: bool
    batch_size: int = 1

    @property
    def lists_changes(self) -> bool:
        return False

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        del known
        asked_at = await self._ask(limiter)
        world = self.world
        for one in ids:
            world.polled.setdefault(one, []).append(anyio.current_time())
        early = {one: self._result(self._bill(one)) for one in ids}
        is_stopped = self._is_stopped(self._bill(ids[0]))
        await world.last()
        await self._fault()
        late = {one: self._result(self._bill(one)) for one in ids}
        results = early if is_stopped or world.strikes(0.5) else late
        return Fetched(results, asked_at, world.clock.now(), self._date())

    async def list_page(self, page: str | None, limiter: RateLimiter, *, changed_since: datetime | None = None) -> Page:
        del changed_since
        asked_at = await self._ask(limiter)
        if not self.lists:
            raise ListRefused("there are no lists")
        await self.world.last()
        await self._fault(_CUT)
        bills = [bill for bill in self.world.ledger.of(self.source) if not (bill.now.is_settled or bill.is_hidden)]
        start = int(page or 0)
        rows = tuple(_listed(bill) for bill in bills[start : start + _PAGE])
        next_page = str(start + _PAGE) if start + _PAGE < len(bills) else None
        return Page(rows, next_page, asked_at, self.world.clock.now(), self._date(), total=len(bills))

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        await self._ask(limiter)
        await self.world.last()
        await self._fault()
        return self._date()

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:
        del before
        return read(str(document["id"]), document)

    async def renew_token(self, limiter: RateLimiter) -> None:
        del limiter

    async def _ask(self, limiter: RateLimiter) -> datetime:
        await limiter.wait()
        if current().is_dead:
            raise Unreachable("the process is dead")
        self.world.requests.setdefault(self.source, []).append(anyio.current_time())
        return self.world.clock.now()

    async def _fault(self, unreadable: WatcherError = _HTML) -> None:
        world = self.world
        if not world.strikes(world.weather.provider):
            return
        kind = world.rng.randrange(6)
        world.trace(f"{self.source} answers badly: {kind}")
        if kind == 0:
            raise RateLimited("429", retry_after=timedelta(seconds=world.rng.randrange(1, 600)))
        if kind == 1:
            raise ProviderUnavailable("503")
        if kind == 2:
            await anyio.sleep(_TIMEOUT_SECONDS)
            raise ProviderUnavailable("no answer")
        if kind == 3:
            raise Unreachable("connection refused")
        if kind == 4:
            raise unreadable
        await anyio.sleep(world.rng.random() * _TIMEOUT_SECONDS)

    def _is_stopped(self, bill: Bill) -> bool:
        """Whether the process is stopped in this poll; then more happens to the invoice until it goes on."""
        world, process = self.world, current()
        is_new = world.served.get(bill.id) != bill.now.number
        world.served[bill.id] = bill.now.number
        is_stopped = process.is_stopped_in(Step.POLL) or (is_new and process.is_stopped_in(Step.NEWS))
        if is_stopped:
            world.ledger.busy = bill
        return is_stopped

    def _bill(self, invoice_id: str) -> Bill:
        return self.world.ledger.bills[self.source, invoice_id]

    def _result(self, bill: Bill) -> PollResult:
        world = self.world
        is_denied = anyio.current_time() < world.weather.denies_until or world.strikes(world.weather.provider / 10)
        if bill.is_hidden or (is_denied and world.may_deny(bill)):
            return Missing("no such invoice")
        if world.strikes(world.weather.provider / 2):
            return Failed(InvalidAnswer("not JSON: it begins with <html>"))
        version = bill.now
        if world.strikes(world.weather.provider / 4):  # a cache at the provider
            version = world.rng.choice(bill.versions)
        return _found(bill.id, version)

    def _date(self) -> datetime | None:
        world = self.world
        if world.strikes(0.2) and anyio.current_time() - world.clock.jumped_at > _DATED_SECONDS:
            return None
        return (world.clock.true_now() + world.weather.skew).replace(microsecond=0)


def _found(invoice_id: str, version: Version) -> Found:
    document = {"id": invoice_id, **version.document}
    body = json.dumps(document).encode()
    shown = {key: value for key, value in document.items() if key != "version"}
    return Found(lambda: document, lambda _: body, lambda _: digest(json.dumps(shown).encode()), digest(body))


def _listed(bill: Bill) -> Listed:
    document = {"id": bill.id, **bill.now.document}
    return Listed(bill.id, document, bill.now.is_settled, _found(bill.id, bill.now))


@dataclass
class SimulatedSender:
    """The receivers; what arrives is kept even if its answer is lost."""

    world: World

    async def reconfigure(self, targets: Mapping[str, Target]) -> None:
        del targets

    async def send(self, attempt: Attempt) -> Receipt:
        world, began, started_at = self.world, anyio.current_time(), self.world.clock.now()
        fault = world.rng.randrange(4) if world.strikes(world.weather.receiver) else None
        if current().is_stopped_in(Step.SEND):  # the connection is gone when it goes on
            fault = world.rng.randrange(2)
        await world.last(longest=0.5)
        if fault != 0 and not current().is_dead:
            world.arrivals.append(Arrival(anyio.current_time(), attempt.endpoint, attempt.event_id, attempt.body))
            world.trace(f"{attempt.endpoint}: arrived {attempt.event_id} fault {fault}")
        await world.last(longest=0.5)
        if fault in {0, 1}:
            await anyio.sleep(_TIMEOUT_SECONDS)
        duration = timedelta(seconds=anyio.current_time() - began)
        if fault is None:
            return Receipt(Outcome.DELIVERED, started_at, duration, status=204)
        pause = timedelta(seconds=world.rng.randrange(1, 900)) if fault == 2 else None
        status = {2: 429, 3: 500}.get(fault)
        return Receipt(Outcome.RETRY, started_at, duration, status=status, error=None if status else "timeout",
                       retry_after=pause)  # fmt: skip
