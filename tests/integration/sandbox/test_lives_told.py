"""The real adapters and the real comparison, looking at the demo's lives every second."""

from collections.abc import AsyncIterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from tests.fakes.provider_server import UnlimitedRate
from tests.integration.sandbox.caller import MovableClock
from watcher.config.adapters.built_in import BUILT_IN
from watcher.core.invoices.clock_events import ClockRules
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.snapshot import WatchFacts, deleted, take
from watcher.core.invoices.transition import observe
from watcher.ports import Found, Provider
from watcher.providers.toolkit.kind import Account, ProviderKind
from watcher.sandbox import Sandbox, play, prepare
from watcher.sandbox.lives import LIVES, Life
from watcher.sandbox.traps import (
    OLD_METEROID,
    ChargebeeTraps,
    ChargeOverTraps,
    DollrTraps,
    FragmentTraps,
    Generation,
    LagoTraps,
    RapydTraps,
    StripeTraps,
    Traps,
)

SECOND = timedelta(seconds=1)
RULES = ClockRules(due_soon=(5 * SECOND,), reminders=(4 * SECOND,))
MISSES_OF_A_DELETED_ONE = 3
TRAPPED = Traps(
    fragment=FragmentTraps(generation=Generation.G2, batch_get_absent=True, expires_in_absent=True),
    meteroid=OLD_METEROID,
    dollr=DollrTraps(whole_totals=True, detail_as_list=True, anonymous_is_403=True, naive_times=True),
    rapyd=RapydTraps(float_noise=True),
    chargeover=ChargeOverTraps(naive_times=True, text_ids_in_lists=True, empty_details_as_list=True, float_noise=True),
    stripe=StripeTraps(restless=True),
    lago=LagoTraps(restless=True),
    chargebee=ChargebeeTraps(restless=True),
)


class Onlooker:
    """Looks at one invoice and remembers, as the poller does, with a memory in place of a store."""

    def __init__(self, life: Life, kind: ProviderKind, provider: Provider, clock: MovableClock) -> None:
        self.recorded: list[str] = []
        self._life = life
        self._provider = provider
        self._clock = clock
        self._memory = HistoryState()
        self._misses = 0
        due_on = None if life.watch_due_in is None else (clock.now() + life.watch_due_in).date()
        self._facts = WatchFacts(kind.name, kind.name, ZoneInfo(kind.timezone), due_on=due_on)

    async def result(self) -> None:
        fetched = await self._provider.fetch([self._life.id], UnlimitedRate())
        result = fetched.results[self._life.id]
        before = self._memory.snapshot
        invoice = None
        if isinstance(result, Found):
            self._misses = 0
            invoice = self._provider.to_invoice(result.document, before)
            taken = take(invoice, self._facts)
        else:
            assert before is not None, result
            self._misses += 1
            taken = deleted(before) if self._misses >= MISSES_OF_A_DELETED_ONE else before
        step = observe(self._memory, taken, invoice, self._clock.now(), RULES, clock_held=False)
        self._memory = step.memory
        self.recorded += [event.fact.type.value for event in step.events]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def _adapter(kind: ProviderKind, sandbox: Sandbox, session: aiohttp.ClientSession, clock: MovableClock) -> Provider:
    account = Account(
        name=kind.name,
        base_url=sandbox.base_urls[kind.name],
        timezone=ZoneInfo(kind.timezone),
        timeout=timedelta(seconds=5),
        credentials=sandbox.credentials[kind.name],
        options={"token_url": sandbox.token_url} if kind.name == "fragment" else {},
    )
    return kind.build(account, session, clock, lambda: 0.5)


@pytest.mark.parametrize("traps", [Traps(), TRAPPED], ids=["as hosted", "with every trap"])
@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.provider} {life.id}")
async def test_the_watcher_records_exactly_what_the_life_owes(
    clock: MovableClock, session: aiohttp.ClientSession, life: Life, traps: Traps
) -> None:
    async with Sandbox(clock, traps) as sandbox:
        prepare(sandbox)
        kind = BUILT_IN[life.provider]
        onlooker = Onlooker(life, kind, _adapter(kind, sandbox, session, clock), clock)
        await onlooker.result()

        async def pace(wait: timedelta, _says: str) -> None:
            for _ in range(wait // SECOND):
                clock.advance(SECOND)
                await onlooker.result()

        await play(sandbox, pace)
        await pace(4 * SECOND, "the end")
    assert [recorded for recorded in onlooker.recorded if recorded != "invoice.updated"] == list(life.expects)
