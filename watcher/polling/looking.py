"""One request and what becomes of each id in it: looked at, missed, doubted, or given back."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from watcher.clock import Clock, Dice
from watcher.core.errors import CredentialsRefused, InvoiceRefused, ProviderUnavailable, RateLimited, SlotMissed
from watcher.core.schedule import is_deleted, next_probe
from watcher.polling import judge
from watcher.polling.circuit import AccountError, Circuits
from watcher.polling.judge import Moment
from watcher.polling.pacing import Gate, Turn
from watcher.polling.plan import SourcePlan
from watcher.polling.recorder import Outcome
from watcher.polling.skew import SkewGuard
from watcher.ports import Accounts, ClaimedWatch, Fetched, Found, Look, Missing, PollRecord

_log = structlog.get_logger()


@dataclass(slots=True)
class SourceAtWork:
    """One source and what this process is doing with it: `waiting` requests, and `under_way` those being made."""

    plan: SourcePlan
    gate: Gate
    waiting: deque[tuple[Sequence[ClaimedWatch], Turn]] = field(
        default_factory=deque[tuple[Sequence[ClaimedWatch], Turn]]
    )
    under_way: int = 0
    rate_limited: int = 0

    @property
    def claimed(self) -> int:
        return self.under_way + len(self.waiting)


class Looker:
    """Asks a provider for claimed watches and judges the answers."""

    def __init__(self, accounts: Accounts, clock: Clock, dice: Dice, *, circuits: Circuits, skew: SkewGuard) -> None:
        self._accounts = accounts
        self._clock = clock
        self._dice = dice
        self._circuits = circuits
        self._skew = skew

    def crashed(self, plan: SourcePlan, watches: Sequence[ClaimedWatch], error: Exception) -> tuple[Outcome, ...]:
        """The outcome where this program itself failed on the answer."""
        at = self._moment(self._clock.now(), self._clock.now())
        crash = InvoiceRefused(f"this program failed on it: {type(error).__name__}: {error}")
        return (Outcome(plan.name, [judge.failed(plan, watch, crash, at) for watch in watches]),)

    async def look(self, source: SourceAtWork, watches: Sequence[ClaimedWatch], turn: Turn) -> tuple[Outcome, ...]:
        plan, asked_at = source.plan, self._clock.now()
        try:
            fetched = await plan.provider.fetch([watch.invoice_id for watch in watches], turn)
        except SlotMissed:
            return (Outcome(plan.name, unasked=watches, due_at=asked_at),)
        except RateLimited as error:
            return await self._back_off(source, watches, error)
        except (CredentialsRefused, ProviderUnavailable) as error:
            return await self._doubt(source, watches, turn, error, asked_at)
        source.rate_limited = 0
        self._skew.saw(plan.name, fetched.server_date, fetched.answered_at)
        if any(isinstance(look, Found) for look in fetched.looks.values()):
            self._circuits.answered(plan.name, fetched.asked_at)
        records = [await self._judge(plan, watch, fetched.looks[watch.invoice_id], fetched) for watch in watches]
        return (Outcome(plan.name, records, fetched.asked_at),)

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
        return Moment(asked_at, answered_at, self._dice(), clock_held=self._skew.holds(answered_at))

    async def _back_off(
        self, source: SourceAtWork, watches: Sequence[ClaimedWatch], error: ProviderUnavailable
    ) -> tuple[Outcome, ...]:
        now = self._clock.now()
        until = now + error.retry_after if error.retry_after else next_probe(now, source.rate_limited, self._dice())
        source.rate_limited += 1
        source.gate.close_until(until)
        await self._accounts.back_off(source.plan.name, until)
        _log.warning("source.backed_off", source=source.plan.name, until=until.isoformat(), error=str(error))
        return (Outcome(source.plan.name, unasked=watches, due_at=now),)

    async def _doubt(
        self, source: SourceAtWork, watches: Sequence[ClaimedWatch], turn: Turn, error: AccountError, asked_at: datetime
    ) -> tuple[Outcome, ...]:
        """A request failed as a whole: find out whether the account, the request or one invoice is at fault."""
        plan = source.plan
        if isinstance(error, ProviderUnavailable) and error.retry_after is not None:
            return await self._back_off(source, watches, error)
        if await self._circuits.is_account_failing(plan, error, asked_at):
            return (Outcome(plan.name, unasked=watches, due_at=asked_at),)
        if len(watches) == 1:
            at = self._moment(asked_at, self._clock.now())
            return (Outcome(plan.name, [judge.failed(plan, watches[0], error, at)]),)
        middle = len(watches) // 2
        return (
            *await self.look(source, watches[:middle], turn),
            *await self.look(source, watches[middle:], turn),
        )
