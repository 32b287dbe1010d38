"""What polling needs from the world, made up: a provider that answers by script, accounts in memory, plans."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import anyio

from tests.fakes.clock import FakeClock
from watcher.clock import Clock
from watcher.core.errors import WatcherError
from watcher.core.invoices.clock_events import ClockRules
from watcher.core.invoices.invoice import Invoice, Snapshot
from watcher.core.json_text import Document
from watcher.core.scheduling.intervals import PollRules, jittered
from watcher.core.webhooks.subscription import Subscription
from watcher.polling import SourcePlan
from watcher.polling.rate_limit import Spacing
from watcher.ports import (
    NOTHING_KNOWN,
    AccountState,
    ClaimedWatch,
    EventRecord,
    Fetched,
    Found,
    Known,
    Listed,
    Missing,
    Page,
    PollResult,
    Provider,
    RateLimiter,
)

EVERY = timedelta(minutes=15)
POLL_RULES = PollRules(
    every=EVERY, slowest=timedelta(hours=24), confirm_deleted=timedelta(minutes=10), keep_settled=timedelta(days=90)
)
MIDDLE = 0.5


def found(invoice: Invoice, fingerprint: bytes = b"one") -> Found:
    return Found(lambda: {"invoice": invoice}, lambda _: b"{}", lambda _: fingerprint.ljust(16))


@dataclass
class ScriptedProvider:
    """Answers each id with its poll in `results` (a miss where it has none), or raises the next of `refusals`."""

    clock: Clock
    results: dict[str, PollResult] = field(default_factory=dict[str, PollResult])
    refusals: list[WatcherError] = field(default_factory=list[WatcherError])
    probe_refusals: list[WatcherError] = field(default_factory=list[WatcherError])
    poison: Mapping[str, WatcherError] = field(default_factory=dict[str, WatcherError])
    """Errors of every request that holds such an id."""
    batch_size: int = 1
    server_date: datetime | None = None
    lists_changes: bool = False
    pages: list[Sequence[Listed] | WatcherError] = field(default_factory=list[Sequence[Listed] | WatcherError])
    """What the list holds, page by page; an error is raised once."""
    changes: Sequence[Listed] = ()
    omits: frozenset[str] = frozenset()
    on_list: Callable[[], None] | None = None
    """Called between a list's question and its answer."""
    listed: list[datetime] = field(default_factory=list[datetime])
    changes_asked: list[datetime] = field(default_factory=list[datetime])
    asked: list[tuple[datetime, tuple[str, ...]]] = field(default_factory=list[tuple[datetime, tuple[str, ...]]])
    known: list[Known] = field(default_factory=list[Known])
    """What each request was given as known."""
    probed: list[datetime] = field(default_factory=list[datetime])
    renewed: int = 0
    _let_go: anyio.Event | None = None

    def hold(self) -> None:
        """Answer nothing until `let_go`."""
        self._let_go = anyio.Event()

    def let_go(self) -> None:
        if self._let_go is not None:
            self._let_go.set()
            self._let_go = None

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        await limiter.wait()
        asked_at = self.clock.now()
        self.asked.append((asked_at, tuple(ids)))
        if self._let_go is not None:
            await self._let_go.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        for error in (self.poison[one] for one in ids if one in self.poison):
            raise error
        self.known.append(known)
        results = {one: self.results.get(one, Missing("not found")) for one in ids}
        return Fetched(results, asked_at, self.clock.now(), self.server_date)

    async def list_page(self, page: str | None, limiter: RateLimiter, *, changed_since: datetime | None = None) -> Page:
        await limiter.wait()
        asked_at = self.clock.now()
        if changed_since is not None:
            self.changes_asked.append(changed_since)
            return Page(tuple(self.changes), None, asked_at, self.clock.now(), omits=self.omits)
        self.listed.append(asked_at)
        number = int(page or 0)
        rows = self.pages[number] if self.pages else ()
        if isinstance(rows, WatcherError):
            self.pages.pop(number)
            raise rows
        if self.on_list is not None:
            self.on_list()
        following = str(number + 1) if number + 1 < len(self.pages) else None
        return Page(tuple(rows), following, asked_at, self.clock.now(), self.server_date, omits=self.omits)

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        await limiter.wait()
        self.probed.append(self.clock.now())
        if self.probe_refusals:
            raise self.probe_refusals.pop(0)
        return self.server_date

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:
        del before
        answer = document["invoice"]
        if isinstance(answer, WatcherError):
            raise answer
        assert isinstance(answer, Invoice)
        return answer

    async def renew_token(self, limiter: RateLimiter) -> None:
        del limiter
        self.renewed += 1


@dataclass
class AccountsInMemory:
    """`ports.AccountStates` for one process."""

    kept: dict[str, AccountState] = field(default_factory=dict[str, AccountState])
    recorded: list[EventRecord] = field(default_factory=list[EventRecord])

    async def states(self) -> Mapping[str, AccountState]:
        return dict(self.kept)

    async def back_off(self, source: str, now: datetime, until: datetime) -> None:
        del now
        self.kept[source] = replace(self.kept.get(source, AccountState(source)), blocked_until=until)

    async def open_circuit(
        self, source: str, *, at: datetime, refused: bool, error: str, probe_at: datetime
    ) -> AccountState:
        known = self.kept.get(source, AccountState(source))
        self.kept[source] = replace(
            known,
            failing_since=known.failing_since or at,
            refused=refused,
            last_error=error,
            probe_at=probe_at,
        )
        return self.kept[source]

    async def claim_probe(self, source: str, now: datetime, next_probe_at: datetime) -> bool:
        known = self.kept[source]
        if known.probe_at is None or known.probe_at > now:
            return False
        self.kept[source] = replace(known, probe_at=next_probe_at, probes=known.probes + 1)
        return True

    async def close_circuit(self, source: str, at: datetime, event: EventRecord) -> None:
        del at
        if self.kept.pop(source).failing_recorded:
            self.recorded.append(event)

    async def record_failing(self, source: str, event: EventRecord) -> bool:
        if self.kept[source].failing_recorded:
            return False
        self.kept[source] = replace(self.kept[source], failing_recorded=True)
        self.recorded.append(event)
        return True


class NoWait:
    """A pacer whose turn is always now."""

    async def wait(self) -> None:
        return


def plan(provider: Provider | None = None, *, rate: float = 5, **more: object) -> SourcePlan:
    made = SourcePlan(
        name="acme",
        provider_name="meteroid",
        provider=provider or ScriptedProvider(FakeClock()),
        timezone=ZoneInfo("UTC"),
        spacing=Spacing.of(rate),
        timeout=timedelta(seconds=15),
        regular=lambda _, now, jitter: now + jittered(EVERY, jitter),
        poll_rules=POLL_RULES,
        clock=ClockRules(due_soon=(timedelta(days=7),), reminders=(timedelta(days=1),)),
        clock_wait=timedelta(hours=1),
        failing_after=timedelta(minutes=15),
        subscriptions=(Subscription("ledger"),),
    )
    return replace(made, **more)  # pyright: ignore[reportArgumentType] -- the fields a test names


def watch(**more: object) -> ClaimedWatch:
    made = ClaimedWatch(
        key=1,
        lease=1,
        invoice_id="inv_1",
        tags=(),
        due_on=None,
        fingerprint=None,
        memory=None,
        asked_at=None,
        fetched_at=None,
        misses=0,
        first_missed_at=None,
        failures=0,
        settled_at=None,
        clock_at=None,
    )
    return replace(made, **more)  # pyright: ignore[reportArgumentType] -- the fields a test names
