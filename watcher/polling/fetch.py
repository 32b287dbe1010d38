"""Makes one request and decides what becomes of each id in it: recorded, missed, failed, or given back."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from watcher.clock import Clock, Random
from watcher.core.errors import (
    CredentialsRefused,
    InvalidAnswer,
    InvoiceRefused,
    ProviderUnavailable,
    RateLimited,
    SlotMissed,
)
from watcher.core.scheduling.intervals import is_deleted, next_probe
from watcher.polling import evaluate
from watcher.polling.circuit_breaker import AccountError, CircuitBreakers
from watcher.polling.clock_skew import SkewGuard
from watcher.polling.evaluate import Moment
from watcher.polling.hints import with_next_reason
from watcher.polling.rate_limit import AccountLimiter, SendSlot
from watcher.polling.recorder import Outcome
from watcher.polling.source_plan import SourcePlan
from watcher.ports import (
    AccountStates,
    ClaimedWatch,
    Failed,
    Fetched,
    Found,
    Known,
    Missing,
    Page,
    PollRecord,
    PollResult,
    Same,
)

_log = structlog.get_logger()


@dataclass(slots=True)
class ActiveSource:
    """One source and its state in this process: `waiting` requests, and how many are `under_way`."""

    plan: SourcePlan
    limiter: AccountLimiter
    waiting: deque[tuple[Sequence[ClaimedWatch], SendSlot]] = field(
        default_factory=deque[tuple[Sequence[ClaimedWatch], SendSlot]]
    )
    under_way: int = 0
    is_syncing: bool = False
    """A list sync is in progress: meanwhile only urgent polls are made."""
    rate_limited: int = 0
    refused_since: datetime | None = None
    """When the first of an unbroken series of requests began that the account refused for now (429, Retry-After)."""

    @property
    def claimed(self) -> int:
        return self.under_way + len(self.waiting)


class Fetcher:
    """Asks a provider for claimed watches and evaluates the answers."""

    def __init__(
        self,
        accounts: AccountStates,
        clock: Clock,
        random: Random,
        *,
        circuit_breakers: CircuitBreakers,
        skew: SkewGuard,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._random = random
        self._circuit_breakers = circuit_breakers
        self._skew = skew

    def crashed(self, plan: SourcePlan, watches: Sequence[ClaimedWatch], error: Exception) -> tuple[Outcome, ...]:
        """The outcome if this program itself failed on the answer."""
        at = self._moment(self._clock.now(), self._clock.now())
        crash = InvoiceRefused(f"this program failed on it: {type(error).__name__}: {error}")
        return (Outcome(plan.name, watches, [evaluate.failed(plan, watch, crash, at) for watch in watches]),)

    async def result(
        self, source: ActiveSource, watches: Sequence[ClaimedWatch], send_slot: SendSlot
    ) -> tuple[Outcome, ...]:
        plan, asked_at = source.plan, self._clock.now()
        try:
            known = _known(plan, watches, asked_at)
            fetched = await plan.provider.fetch([watch.invoice_id for watch in watches], send_slot, known)
        except SlotMissed:
            return (Outcome(plan.name, unasked=watches, due_at=asked_at),)
        except RateLimited as error:
            return await self.back_off(source, watches, error, asked_at)
        except (CredentialsRefused, ProviderUnavailable) as error:
            return await self._find_fault(source, watches, send_slot, error, asked_at)
        self.answered(source, fetched.server_date, fetched.answered_at)
        kinds = {type(result) for result in fetched.results.values()}
        if Found in kinds or Same in kinds:
            self._circuit_breakers.answered(plan.name, fetched.asked_at)
        elif _is_unreadable(fetched) and await self._circuit_breakers.is_account_failing(plan, asked_at):
            return (Outcome(plan.name, unasked=watches, due_at=asked_at),)
        answers = Missing in kinds and await self._account_answers(plan, watches, fetched)
        held = self._skew.holds(fetched.answered_at)
        records: list[PollRecord] = []
        for watch in watches:
            at = Moment(
                fetched.asked_at,
                fetched.answered_at,
                self._random(),
                clock_held=held,
                is_cached=fetched.is_cached,
            )
            record = _evaluated(plan, watch, fetched.results[watch.invoice_id], at, account_answers=answers)
            records.append(with_next_reason(plan, watch, record))
        return (Outcome(plan.name, watches, records, None if kinds == {Failed} else fetched.asked_at),)

    def answered(self, source: ActiveSource, server_date: datetime | None, answered_at: datetime) -> None:
        """Note that an answer came, whatever it says about invoices."""
        source.rate_limited, source.refused_since = 0, None
        self._skew.note_date(source.plan.name, server_date, answered_at)

    def evaluate_page(
        self, source: ActiveSource, watches: Sequence[ClaimedWatch], page: Page
    ) -> tuple[list[PollRecord], list[ClaimedWatch]]:
        """The records of what a page says about these watches, and the watches whose partial row shows a change."""
        plan = source.plan
        self.answered(source, page.server_date, page.answered_at)
        self._circuit_breakers.answered(plan.name, page.asked_at)
        rows = {row.invoice_id: row for row in page.rows}
        records: list[PollRecord] = []
        changed_rows: list[ClaimedWatch] = []
        held = self._skew.holds(page.answered_at)
        for watch in watches:
            row = rows[watch.invoice_id]
            at = Moment(page.asked_at, page.answered_at, self._random(), clock_held=held, is_list=True)
            record = (
                evaluate.partial_row(plan, watch, row, page.omits, at)
                if row.result is None
                else evaluate.found(plan, watch, row.result, at)
            )
            if record is None:
                changed_rows.append(watch)
            else:
                records.append(record)
        return records, changed_rows

    async def is_account_failing(self, source: ActiveSource, error: AccountError, asked_at: datetime) -> bool:
        """Whether the account is at fault for a failed request about no invoice; if so it is not asked for now."""
        if isinstance(error, ProviderUnavailable) and error.retry_after is not None:
            await self.back_off(source, (), error, asked_at)
            return True
        return await self._circuit_breakers.is_account_failing(source.plan, asked_at)

    async def _account_answers(self, plan: SourcePlan, watches: Sequence[ClaimedWatch], fetched: Fetched) -> bool:
        """Whether the account gave a good answer after the first miss of each watch that could be deleted now."""
        first = [
            watch.first_missed_at
            for watch in watches
            if watch.first_missed_at is not None
            and isinstance(fetched.results[watch.invoice_id], Missing)
            and is_deleted(watch.misses + 1, watch.first_missed_at, fetched.answered_at, plan.poll_rules)
        ]
        return bool(first) and await self._circuit_breakers.answers(plan, max(first))

    def _moment(self, asked_at: datetime, answered_at: datetime) -> Moment:
        return Moment(asked_at, answered_at, self._random(), clock_held=self._skew.holds(answered_at))

    async def back_off(
        self, source: ActiveSource, watches: Sequence[ClaimedWatch], error: ProviderUnavailable, asked_at: datetime
    ) -> tuple[Outcome, ...]:
        """Pause the account for as long as it asks. If it has refused requests for too long, it is failing."""
        now = self._clock.now()
        until = now + error.retry_after if error.retry_after else next_probe(now, source.rate_limited, self._random())
        source.rate_limited += 1
        source.limiter.close_until(until)
        await self._accounts.back_off(source.plan.name, now, until)
        _log.warning("source.backed_off", source=source.plan.name, until=until.isoformat(), error=str(error))
        source.refused_since = source.refused_since or asked_at
        if now - source.refused_since >= source.plan.failing_after:
            await self._circuit_breakers.give_up(source.plan, error, since=source.refused_since)
        return (Outcome(source.plan.name, unasked=watches, due_at=now),)

    async def _find_fault(
        self,
        source: ActiveSource,
        watches: Sequence[ClaimedWatch],
        send_slot: SendSlot,
        error: AccountError,
        asked_at: datetime,
    ) -> tuple[Outcome, ...]:
        """A whole request failed: find out whether the account, the request or one invoice is at fault."""
        plan = source.plan
        if isinstance(error, ProviderUnavailable) and error.retry_after is not None:
            return await self.back_off(source, watches, error, asked_at)
        if await self._circuit_breakers.is_account_failing(plan, asked_at):
            return (Outcome(plan.name, unasked=watches, due_at=asked_at),)
        if len(watches) == 1:
            at = self._moment(asked_at, self._clock.now())
            return (Outcome(plan.name, watches, [evaluate.failed(plan, watches[0], error, at)]),)
        middle = len(watches) // 2
        return (
            *await self.result(source, watches[:middle], send_slot),
            *await self.result(source, watches[middle:], send_slot),
        )


def _known(plan: SourcePlan, watches: Sequence[ClaimedWatch], asked_at: datetime) -> Known:
    known, until = dict[str, bytes](), asked_at + plan.timeout
    for watch in watches:
        text = evaluate.known_text(plan, watch, until)
        if text is not None:
            known[watch.invoice_id] = text
    return known


def _evaluated(
    plan: SourcePlan, watch: ClaimedWatch, result: PollResult, at: Moment, *, account_answers: bool
) -> PollRecord:
    match result:
        case Same():
            return evaluate.same(plan, watch, at)
        case Found():
            return evaluate.found(plan, watch, result, at)
        case Missing():
            return evaluate.missed(plan, watch, at, account_answers=account_answers)
        case Failed():
            return evaluate.failed(plan, watch, result.error, at)


def _is_unreadable(fetched: Fetched) -> bool:
    return all(
        isinstance(result, Failed) and isinstance(result.error, InvalidAnswer) for result in fetched.results.values()
    )
