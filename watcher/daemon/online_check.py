"""Asks providers directly, without a service: `check --online` and `get`."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace

import anyio

from watcher.clock import Clock, SystemClock, system_random
from watcher.config.load import Loaded
from watcher.config.settings import Configuration, SourceSettings
from watcher.core.errors import NotFound, SchemaMismatch, StoreUnavailable, WatcherError
from watcher.core.invoices.clock_events import ClockRules, overdue_from
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.snapshot import WatchFacts, take, to_document
from watcher.daemon.wiring import account
from watcher.polling.rate_limit import AccountLimiter, LocalRateBudget, SendSlot, Spacing
from watcher.ports import Failed, Found, Missing, Page, Provider, RateBudget
from watcher.providers.toolkit.session import open_session
from watcher.store import SqlPollQueue, open_store


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """What one account answered to a token request and one cheap request. `detail` is a sentence for the operator."""

    source: str
    provider: str
    ok: bool
    detail: str


async def check(loaded: Loaded, *, online: bool) -> tuple[SourceAnswer, ...]:
    """Ask each enabled account, all at once; nothing unless `online`."""
    sources = [source for source in loaded.configuration.sources.values() if source.enabled] if online else []
    answers: dict[str, SourceAnswer] = {}

    async def ask(source: SourceSettings, budget: RateBudget, clock: Clock) -> None:
        async with _provider(source, clock) as provider:
            answers[source.name] = await _answer(source, provider, budget, clock)

    clock = SystemClock()
    async with _budget(loaded.configuration) as budget, anyio.create_task_group() as group:
        for source in sources:
            group.start_soon(ask, source, budget, clock)
    return tuple(answers[source.name] for source in sources)


async def get(loaded: Loaded, source_name: str, invoice_id: str) -> tuple[dict[str, object], bytes]:
    """The snapshot of an invoice as its provider gives it now, and the provider's own document.

    Records nothing. Raises NotFound if the provider knows no such invoice.
    """
    configuration = loaded.configuration
    source, clock = configuration.sources[source_name], SystemClock()
    async with _budget(configuration) as budget, _provider(source, clock) as provider:
        fetched = await provider.fetch([invoice_id], _send_slot(source, budget, clock))
        result = fetched.results[invoice_id]
        if isinstance(result, Failed):
            raise result.error
        if not isinstance(result, Found):
            why = f": {result.reason}" if isinstance(result, Missing) else ""
            raise NotFound(f"{source.provider} knows no invoice {invoice_id!r} in source {source_name!r}{why}")
        invoice = provider.to_invoice(result.document, None)
    watch = next((one for one in loaded.entries if (one.source, one.invoice_id) == (source_name, invoice_id)), None)
    taken = take(
        invoice,
        WatchFacts(
            source=source_name,
            provider=source.provider,
            timezone=source.timezone,
            tags=watch.tags if watch else (),
            due_on=watch.due_on if watch else None,
            customer_names=configuration.watcher.customer_names,
        ),
    )
    rules = ClockRules(grace=configuration.watcher.grace)
    since = overdue_from(taken, HistoryState(), fetched.answered_at, rules, held=False)
    return to_document(replace(taken, overdue=since is not None)), result.raw


async def listed(loaded: Loaded, source_name: str) -> AsyncGenerator[Page]:
    """Every page of the provider's list as it is now. Raises like `Provider.list_page`."""
    source, clock = loaded.configuration.sources[source_name], SystemClock()
    async with _budget(loaded.configuration) as budget, _provider(source, clock) as provider:
        following: str | None = None
        while True:
            page = await provider.list_page(following, _send_slot(source, budget, clock))
            yield page
            if page.next_page is None or page.next_page == following:
                return
            following = page.next_page


async def _answer(source: SourceSettings, provider: Provider, budget: RateBudget, clock: Clock) -> SourceAnswer:
    try:
        await provider.probe(_send_slot(source, budget, clock))
    except WatcherError as error:
        return SourceAnswer(source.name, source.provider, ok=False, detail=str(error))
    return SourceAnswer(source.name, source.provider, ok=True, detail="answers")


def _send_slot(source: SourceSettings, budget: RateBudget, clock: Clock) -> SendSlot:
    return SendSlot(source.name, Spacing.of(source.rate), AccountLimiter(clock), budget, clock, [])


@asynccontextmanager
async def _provider(source: SourceSettings, clock: Clock) -> AsyncGenerator[Provider]:
    async with open_session() as session:
        yield source.kind.build(account(source), session, clock, system_random)


@asynccontextmanager
async def _budget(configuration: Configuration) -> AsyncGenerator[RateBudget]:
    """The account's budget as a running service shares it, or a local one if there is no database yet."""
    async with AsyncExitStack() as opened:
        budget: RateBudget = LocalRateBudget()
        with suppress(StoreUnavailable, SchemaMismatch):
            url = configuration.database.url.get_secret_value()
            budget = SqlPollQueue(await opened.enter_async_context(open_store(url)))
        yield budget
