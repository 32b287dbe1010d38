"""One circuit breaker per account: it finds out whether an id or the account fails, stops polls and resumes them."""

from collections.abc import Callable, Mapping
from datetime import datetime

import anyio
import structlog
from anyio.abc import TaskGroup

from watcher.clock import Clock, Random
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, SlotMissed, StoreUnavailable, Unreachable
from watcher.core.invoices.body import about_source
from watcher.core.invoices.event import EventType
from watcher.core.scheduling import intervals
from watcher.core.webhooks.subscription import Subscription
from watcher.polling.clock_skew import SkewGuard
from watcher.polling.connectivity import Network
from watcher.polling.source_plan import SourcePlan
from watcher.ports import AccountState, AccountStates, EventRecord, Form, RateLimiter

_log = structlog.get_logger()

AccountError = CredentialsRefused | ProviderUnavailable


class CircuitBreakers:
    """Confirms failures with a control request before it opens a circuit, and probes accounts whose circuit is open."""

    def __init__(
        self,
        accounts: AccountStates,
        clock: Clock,
        random: Random,
        skew: SkewGuard,
        limiter: Callable[[SourcePlan], RateLimiter],
        *,
        plans: Callable[[], Mapping[str, SourcePlan]],
        on_recovery: Callable[[], None],
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._random = random
        self._skew = skew
        self._limiter = limiter
        self._plans = plans
        self.network = Network(clock, random, probe=self._probe, on_recovery=on_recovery)
        self._confirming: dict[str, anyio.Lock] = {}
        self._answered_at: dict[str, datetime] = {}
        self._probing: set[str] = set()

    def answered(self, source: str, at: datetime) -> None:
        """Note that the account gave a good answer to a request that began at `at`."""
        self._answered_at[source] = max(at, self._answered_at.get(source, at))

    def answered_since(self, source: str, at: datetime) -> bool:
        seen = self._answered_at.get(source)
        return seen is not None and seen > at

    async def is_account_failing(self, plan: SourcePlan, asked_at: datetime) -> bool:
        """Find out whether the account is at fault for a failed request, and open its circuit if it is.

        What counts is what the account answers now, not what it said about one id. True also where it cannot be asked.
        A good answer to any other request since `asked_at` proves that the account works; otherwise a control request
        decides. Of several failures at once only the first one sends it.
        """
        async with self._confirming.setdefault(plan.name, anyio.Lock()):
            if self.answered_since(plan.name, asked_at):
                return False
            if self.network.is_down or await self._is_open(plan):
                return True
            try:
                refusal = await self._probe(plan)
            except SlotMissed:
                return True
            if refusal is None:
                return False
            if not await self._is_network_to_blame(plan, refusal, asked_at):
                await self.give_up(plan, refusal, since=asked_at)
            return True

    async def answers(self, plan: SourcePlan, since: datetime) -> bool:
        """Whether the account gave a good answer to something after `since`; asks it if that is unknown.

        Of several callers only the first one asks, and a refusal opens the circuit for all of them.
        """
        asked_at = self._clock.now()
        async with self._confirming.setdefault(plan.name, anyio.Lock()):
            if self.answered_since(plan.name, since):
                return True
            if self.network.is_down or await self._is_open(plan):
                return False
            try:
                refusal = await self._probe(plan)
            except SlotMissed:
                return False
            if refusal is not None and not await self._is_network_to_blame(plan, refusal, asked_at):
                await self.give_up(plan, refusal, since=asked_at)
            return refusal is None

    async def give_up(self, plan: SourcePlan, error: AccountError, *, since: datetime, probes: int = 0) -> None:
        """Open the circuit of an account that has answered only with errors since then."""
        now = self._clock.now()
        state = await self._accounts.open_circuit(
            plan.name,
            at=since,
            refused=isinstance(error, CredentialsRefused),
            error=str(error),
            probe_at=intervals.next_probe(now, probes, self._random()),
        )
        _log.warning("source.failed", source=plan.name, error=str(error), refused=state.refused)
        await self._record_failing_if_due(plan, state, now)

    async def supervise(self, plans: Mapping[str, SourcePlan], probing: TaskGroup) -> None:
        """Record the accounts that have been failing for long, and start the probes that are due.

        The probes run in the task group: each may wait for its account's rate and time-out.
        """
        if await self.network.is_still_down(plans):
            return
        now = self._clock.now()
        for name, state in (await self._accounts.states()).items():
            plan = plans.get(name)
            if plan is None or state.probe_at is None or state.failing_since is None:
                continue
            await self._record_failing_if_due(plan, state, now)
            if state.probe_at > now or (state.blocked_until or now) > now or name in self._probing:
                continue
            if await self._accounts.claim_probe(name, now, intervals.next_probe(now, state.probes + 1, self._random())):
                self._probing.add(name)
                probing.start_soon(self._try_again, plan, state)

    async def paused_accounts(self, plans: Mapping[str, SourcePlan]) -> frozenset[str]:
        """The accounts that are not asked at present: their circuit is open, or they asked for a pause."""
        now, states = self._clock.now(), await self._accounts.states()
        return frozenset(
            name
            for name, state in states.items()
            if name in plans and (state.probe_at is not None or (state.blocked_until or now) > now)
        )

    async def _try_again(self, plan: SourcePlan, state: AccountState) -> None:
        try:
            refusal = await self._probe(plan)
            if refusal is None:
                await self._close(plan, state.failing_since or self._clock.now())
                return
            _log.info("source.probed", source=plan.name, answers=False, error=str(refusal))
            if isinstance(refusal, CredentialsRefused) and not state.refused and state.failing_since is not None:
                await self.give_up(plan, refusal, since=state.failing_since, probes=state.probes + 1)
        except SlotMissed:
            return
        except StoreUnavailable as error:
            _log.error("source.unprobed", source=plan.name, error=str(error))
        finally:
            self._probing.discard(plan.name)

    async def _close(self, plan: SourcePlan, since: datetime) -> None:
        now = self._clock.now()
        await self._accounts.close_circuit(
            plan.name, now, _event(plan, EventType.SOURCE_RECOVERED, "answers again", since, now)
        )
        _log.info("source.recovered", source=plan.name, failing_since=since.isoformat())

    async def _is_open(self, plan: SourcePlan) -> bool:
        state = (await self._accounts.states()).get(plan.name)
        return state is not None and state.probe_at is not None

    async def _is_network_to_blame(self, plan: SourcePlan, refusal: AccountError, asked_at: datetime) -> bool:
        if not isinstance(refusal, Unreachable):
            return False
        return await self.network.is_to_blame(
            plan, self._plans(), lambda other: self.answered_since(other.name, asked_at)
        )

    async def _probe(self, plan: SourcePlan) -> AccountError | None:
        """The error that the account answers a control request with, None if it answers well. Raises SlotMissed."""
        asked_at = self._clock.now()
        try:
            server_date = await plan.provider.probe(self._limiter(plan))
        except (CredentialsRefused, ProviderUnavailable) as error:
            if isinstance(error, ProviderUnavailable) and error.retry_after is not None:
                now = self._clock.now()
                await self._accounts.back_off(plan.name, now, now + error.retry_after)
            return error
        self._skew.note_date(plan.name, server_date, self._clock.now())
        self.answered(plan.name, asked_at)
        return None

    async def _record_failing_if_due(self, plan: SourcePlan, state: AccountState, now: datetime) -> None:
        if state.failing_recorded or state.failing_since is None:
            return
        # Nothing is known about the time during which our own network was down.
        known_since = max(state.failing_since, self.network.back_at or state.failing_since)
        if state.refused or now - known_since >= plan.failing_after:
            reason = "credentials refused" if state.refused else "nothing but errors"
            event = _event(plan, EventType.SOURCE_FAILING, reason, state.failing_since, now)
            if await self._accounts.record_failing(plan.name, event):
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
        deliveries=tuple((subscription.endpoint, subscription.watcher_form) for subscription in wanted),
    )


def _wants(subscription: Subscription, event_type: EventType, source: str) -> bool:
    return subscription.wants(event_type, source=source, tags=())
