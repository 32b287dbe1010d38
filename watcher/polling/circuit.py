"""One circuit per account: is it this id, or the account? Given up, probed, and taken up again."""

from collections.abc import Callable, Mapping
from datetime import datetime

import anyio
import structlog

from watcher.clock import Clock, Dice
from watcher.core import schedule
from watcher.core.body import about_source
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, SlotMissed
from watcher.core.event import EventType
from watcher.core.subscription import Subscription
from watcher.polling.plan import SourcePlan
from watcher.polling.skew import SkewGuard
from watcher.ports import Accounts, AccountState, EventRecord, Form, Pacer

_log = structlog.get_logger()

AccountError = CredentialsRefused | ProviderUnavailable


class Circuits:
    """Confirms failures with a control request before an account is given up, and probes those that were."""

    def __init__(
        self, accounts: Accounts, clock: Clock, dice: Dice, skew: SkewGuard, pacer: Callable[[SourcePlan], Pacer]
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._dice = dice
        self._skew = skew
        self._pacer = pacer
        self._confirming: dict[str, anyio.Lock] = {}
        self._answered_at: dict[str, datetime] = {}

    def answered(self, source: str, at: datetime) -> None:
        """Remember that the account gave a good answer to a request that began then."""
        self._answered_at[source] = max(at, self._answered_at.get(source, at))

    def answered_since(self, source: str, at: datetime) -> bool:
        seen = self._answered_at.get(source)
        return seen is not None and seen > at

    async def is_account_failing(self, plan: SourcePlan, error: AccountError, asked_at: datetime) -> bool:
        """Ask whether the account is at fault for `error`, and open its circuit if it is.

        True where it cannot be asked, too. A good answer to any other request since `asked_at` proves that it is not,
        else a control request decides; of several failures at once only the first one asks.
        """
        async with self._confirming.setdefault(plan.name, anyio.Lock()):
            if self.answered_since(plan.name, asked_at):
                return False
            state = (await self._accounts.states()).get(plan.name)
            if state is not None and state.probe_at is not None:
                return True
            try:
                refusal = await self._probe(plan)
            except SlotMissed:
                return True
            if refusal is None:
                return False
            await self._open(plan, refusal if isinstance(error, ProviderUnavailable) else error)
            return True

    async def answers(self, plan: SourcePlan, since: datetime) -> bool:
        """Whether the account gave a good answer to something after `since`, asking it if nobody knows."""
        try:
            return self.answered_since(plan.name, since) or await self._probe(plan) is None
        except SlotMissed:
            return False

    async def look_after(self, plans: Mapping[str, SourcePlan]) -> None:
        """Probe the accounts that are due for it, and tell of those that have been failing for long."""
        now = self._clock.now()
        for name, state in (await self._accounts.states()).items():
            plan = plans.get(name)
            if plan is None or state.probe_at is None or state.failing_since is None:
                continue
            await self._tell_if_due(plan, state, now)
            if state.probe_at > now or (state.blocked_until is not None and state.blocked_until > now):
                continue
            if await self._accounts.claim_probe(name, now, schedule.next_probe(now, state.probes + 1, self._dice())):
                await self._try_again(plan, state)

    async def given_up(self, plans: Mapping[str, SourcePlan]) -> int:
        """How many of these accounts are not asked at present: given up, or told to be left alone."""
        now, states = self._clock.now(), await self._accounts.states()
        return sum(
            name in plans and (state.probe_at is not None or (state.blocked_until or now) > now)
            for name, state in states.items()
        )

    async def _try_again(self, plan: SourcePlan, state: AccountState) -> None:
        try:
            refusal = await self._probe(plan)
        except SlotMissed:
            return
        now = self._clock.now()
        if refusal is not None:
            _log.info("source.probed", source=plan.name, answers=False, error=str(refusal))
            return
        since = state.failing_since or now
        current = (await self._accounts.states()).get(plan.name, state)
        event = _event(plan, EventType.SOURCE_RECOVERED, "answers again", since, now) if current.told else None
        await self._accounts.close_circuit(plan.name, now, event)
        _log.info("source.recovered", source=plan.name, failing_since=since.isoformat())

    async def _probe(self, plan: SourcePlan) -> AccountError | None:
        """What the account says against a control request, None where it answers. Raises SlotMissed."""
        asked_at = self._clock.now()
        try:
            server_date = await plan.provider.probe(self._pacer(plan))
        except (CredentialsRefused, ProviderUnavailable) as error:
            if isinstance(error, ProviderUnavailable) and error.retry_after is not None:
                await self._accounts.back_off(plan.name, self._clock.now() + error.retry_after)
            return error
        self._skew.saw(plan.name, server_date, self._clock.now())
        self.answered(plan.name, asked_at)
        return None

    async def _open(self, plan: SourcePlan, error: AccountError) -> None:
        now = self._clock.now()
        state = await self._accounts.open_circuit(
            plan.name,
            at=now,
            refused=isinstance(error, CredentialsRefused),
            error=str(error),
            probe_at=schedule.next_probe(now, 0, self._dice()),
        )
        _log.warning("source.failed", source=plan.name, error=str(error), refused=state.refused)
        await self._tell_if_due(plan, state, now)

    async def _tell_if_due(self, plan: SourcePlan, state: AccountState, now: datetime) -> None:
        if state.told or state.failing_since is None:
            return
        if state.refused or now - state.failing_since >= plan.failing_after:
            reason = "credentials refused" if state.refused else "nothing but errors"
            event = _event(plan, EventType.SOURCE_FAILING, reason, state.failing_since, now)
            if await self._accounts.tell_failing(plan.name, event):
                _log.error("source.failing", source=plan.name, reason=reason, since=state.failing_since.isoformat())


def _event(plan: SourcePlan, event_type: EventType, reason: str, since: datetime, now: datetime) -> EventRecord:
    event_id, body = about_source(
        event_type, source=plan.name, provider=plan.provider_name, reason=reason, since=since, now=now
    )
    wanted = [one for one in plan.subscriptions if _wants(one, event_type, plan.name)]
    return EventRecord(
        id=event_id,
        type=event_type,
        sequence=None,
        source=plan.name,
        timestamp=now,
        bodies={Form.FULL: body},
        deliveries=tuple((subscription.endpoint, Form.FULL) for subscription in wanted),
    )


def _wants(subscription: Subscription, event_type: EventType, source: str) -> bool:
    return subscription.wants(event_type, source=source, tags=())
