"""Claims due deliveries, sends them and settles the results. Claims and settlements are batched.

A delivery is leased while this process has it: if the process dies, the delivery is due again when the lease ends.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

import anyio
import structlog

from watcher.clock import Clock, Random
from watcher.core.errors import StoreUnavailable
from watcher.delivery.attempt_log import log_attempt
from watcher.delivery.endpoint_limiter import EndpointLimiter, EndpointPolicy
from watcher.delivery.retry_policy import settle
from watcher.delivery.workers import Workers
from watcher.ports import (
    UNOBSERVED,
    ClaimedDelivery,
    DeliveryObserver,
    Outbox,
    Outcome,
    Sender,
    Settlement,
)

MOST_UNDER_WAY = 2000
"""Deliveries held at once over all endpoints: it bounds memory, and how much a crash sends twice."""

MOST_SETTLED = 500
LEASE_MARGIN = timedelta(seconds=30)
"""How much longer a lease lasts than the longest attempt: time to settle it, also after a stalled event loop."""

BEGINS_WITHIN = timedelta(seconds=15)
"""Later the process was stopped since its claim, and another replica may have taken over: that takes 18 s at least."""

LINGER = timedelta(milliseconds=5)
"""How long receipts wait to be settled together, and claims to be larger: one commit for each costs more than this."""

SWEEP = timedelta(seconds=1)
LAST_WORDS_SECONDS = 5

_Job = tuple[ClaimedDelivery, EndpointLimiter, datetime]
"""An attempt to make, and when it has to have begun."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Dispatcher:
    """Delivers to the endpoints that `configure` names; `on_heartbeat` is called before every claim."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Sender,
        clock: Clock,
        random: Random,
        *,
        on_heartbeat: Callable[[], None] = lambda: None,
        most_under_way: int = MOST_UNDER_WAY,
        observer: DeliveryObserver = UNOBSERVED,
        sweep: timedelta = SWEEP,
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self._clock = clock
        self._random = random
        self._on_heartbeat = on_heartbeat
        self._observer = observer
        self._sweep = sweep
        self._most_under_way = most_under_way
        self._limiters: dict[str, EndpointLimiter] = {}
        self._order: list[str] = []
        self._held: dict[tuple[int, int], ClaimedDelivery] = {}
        self._unsettled: list[Settlement] = []
        self._wake = anyio.Event()
        self._received = anyio.Event()
        self._stopping = False
        self._all_sent = False

    def notify(self) -> None:
        """Something may be due: claim now, without waiting for the next sweep."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the attempts in progress have ended and are settled."""
        self._stopping = True
        self._wake.set()

    def configure(self, endpoints: Mapping[str, EndpointPolicy]) -> None:
        """Use these endpoints from now on. Attempts in progress end by the old settings and count in the new limits."""
        now = self._clock.now()
        limiters = {
            name: self._limiters.get(name) or EndpointLimiter(name, endpoint, now)
            for name, endpoint in endpoints.items()
        }
        for name, limiter in limiters.items():
            limiter.endpoint = endpoints[name]
        self._limiters, self._order = limiters, list(limiters)
        self.notify()

    async def run(self) -> None:
        """Deliver until `stop`.

        When cancelled, it settles what was answered and gives the rest back, within seconds.
        """
        try:
            async with anyio.create_task_group() as settling:
                settling.start_soon(self._keep_settling)
                async with anyio.create_task_group() as sending:
                    workers = Workers(sending, self._attempt)
                    await self._keep_claiming(workers)
                    workers.close()
                self._all_sent = True
                self._received.set()
        finally:
            with anyio.move_on_after(LAST_WORDS_SECONDS, shield=True):
                await self._give_back()

    async def run_once(self) -> Mapping[Outcome, int]:
        """Try each due delivery once, without retries that become due meanwhile; returns how the attempts ended.

        Raises StoreUnavailable.
        """
        outcomes: Counter[Outcome] = Counter()
        tried: set[int] = set()
        unfinished = set(self._limiters)
        try:
            while unfinished and len(self._held) < self._most_under_way:
                offered = self._offer(unfinished)
                if not offered:
                    await self._clock.sleep(self._until_rate_allows() or LINGER)
                    continue
                until, claimed = await self._claim(offered)
                untried = [delivery for delivery in claimed if delivery.key not in tried]
                async with anyio.create_task_group() as sending:
                    workers = Workers(sending, self._attempt)
                    self._start(workers, untried, until)
                    workers.close()
                outcomes.update(settlement.receipt.outcome for settlement in self._unsettled)
                await self._settle_received()
                tried.update(delivery.key for delivery in untried)
                # Deliveries that were tried stay leased until the end, so that none is claimed a third time.
                unfinished -= offered.keys() - {delivery.endpoint for delivery in claimed}
        finally:
            with anyio.move_on_after(LAST_WORDS_SECONDS, shield=True):
                await self._give_back()
        return outcomes

    async def _keep_claiming(self, workers: Workers[_Job]) -> None:
        while not self._stopping:
            self._wake = anyio.Event()
            self._on_heartbeat()
            try:
                if await self._claim_for_all(workers):
                    await self._clock.sleep(LINGER)
                    await self._rest(self._until_rate_allows() or self._sweep)
                else:
                    await self._rest(await self._until_next())
            except StoreUnavailable as error:
                _log.warning("delivery.stalled", error=str(error))
                await self._clock.sleep(SWEEP)

    async def _claim_for_all(self, workers: Workers[_Job]) -> int:
        """Claim for every endpoint, in as many claims as there is room for; returns how many were started."""
        started = 0
        waiting = set(self._limiters)
        while not self._stopping and (offered := self._offer(waiting)):
            waiting -= offered.keys()
            until, claimed = await self._claim(offered)
            self._start(workers, claimed, until)
            started += len(claimed)
        return started

    def _offer(self, names: Collection[str]) -> dict[str, int]:
        """How many to claim of each endpoint now. An endpoint that may claim goes to the end of the queue."""
        now = self._clock.now()
        room = self._most_under_way - len(self._held)
        offered: dict[str, int] = {}
        for name in self._order:
            if room <= 0:
                break
            free = min(room, self._limiters[name].free(now)) if name in names else 0
            if free:
                offered[name] = free
                room -= free
        self._order = [*(name for name in self._order if name not in offered), *offered]
        return offered

    async def _claim(self, offered: Mapping[str, int]) -> tuple[datetime, tuple[ClaimedDelivery, ...]]:
        """The deliveries, and until when their attempts may begin."""
        now = self._clock.now()
        lease = max(self._limiters[name].endpoint.timeout for name in offered) + LEASE_MARGIN
        claimed: tuple[ClaimedDelivery, ...] = ()
        # Shielded: a claim that is not noted here would stay unsent until its lease ends.
        with anyio.CancelScope(shield=True):
            limits = {name: self._limiters[name].endpoint.limit for name in offered}
            claimed = await self._outbox.claim(now, offered, lease, limits)
            self._held.update(((delivery.key, delivery.lease), delivery) for delivery in claimed)
        return now + BEGINS_WITHIN, claimed

    def _start(self, workers: Workers[_Job], claimed: Collection[ClaimedDelivery], until: datetime) -> None:
        for delivery in claimed:
            if limiter := self._limiters.get(delivery.endpoint):  # gone only if a reload removed it during the claim
                limiter.enter()
                workers.start((delivery, limiter, until))

    async def _attempt(self, job: _Job) -> None:
        delivery, limiter, until = job
        try:
            if self._stopping:
                return
            if self._clock.now() >= until:
                await self._give_back_late(delivery)
                return
            receipt = await self._sender.send(delivery.as_attempt)
        finally:
            limiter.leave()
        settlement = settle(delivery, receipt, limiter.endpoint, self._clock.now(), self._random)
        self._observer.attempted(delivery.endpoint, receipt)
        log_attempt(delivery, settlement)
        self._unsettled.append(settlement)
        self._received.set()

    async def _give_back_late(self, delivery: ClaimedDelivery) -> None:
        """If another replica has taken it over, this changes nothing."""
        _log.warning("delivery.late", delivery=delivery.key, event_id=delivery.event_id)
        with anyio.CancelScope(shield=True):
            try:
                await self._outbox.release((delivery,), self._clock.now())
            except StoreUnavailable as error:
                _log.warning("delivery.left_leased", deliveries=1, error=str(error))
        del self._held[delivery.key, delivery.lease]

    async def _keep_settling(self) -> None:
        while not self._all_sent:
            await self._received.wait()
            if not self._all_sent:
                await self._clock.sleep(LINGER)
            self._received = anyio.Event()
            await self._settle_patiently()
            self.notify()
        await self._settle_patiently()

    async def _settle_patiently(self) -> None:
        while self._unsettled:
            try:
                await self._settle_received()
            except StoreUnavailable as error:
                _log.warning("delivery.stalled", error=str(error))
                await self._clock.sleep(SWEEP)

    async def _settle_received(self) -> None:
        while batch := self._unsettled[:MOST_SETTLED]:
            lost: frozenset[int] = frozenset()
            # Shielded: a batch that is written but not noted here would be written twice.
            with anyio.CancelScope(shield=True):
                lost = await self._outbox.settle(batch)
            del self._unsettled[: len(batch)]
            for settlement in batch:
                del self._held[settlement.key, settlement.lease]
            for key in lost:
                _log.warning("delivery.lease_lost", delivery=key)

    async def _give_back(self) -> None:
        try:
            await self._settle_received()
            if self._held:
                await self._outbox.release(tuple(self._held.values()), self._clock.now())
        except StoreUnavailable as error:
            _log.warning("delivery.left_leased", deliveries=len(self._held), error=str(error))
        self._held.clear()
        self._unsettled.clear()

    def _until_rate_allows(self) -> timedelta | None:
        now = self._clock.now()
        waits = [wait for limiter in self._limiters.values() if (wait := limiter.opens_in(now)) is not None]
        return min(max(min(waits), LINGER), SWEEP) if waits else None

    async def _until_next(self) -> timedelta:
        """Until something new becomes due. What is due already and was not claimed waits for another event."""
        now = self._clock.now()
        at = await self._outbox.next_attempt_at(tuple(self._limiters))
        waits = (self._sweep, self._until_rate_allows() or self._sweep)
        return min(*waits, at - now) if at is not None and at > now else min(waits)

    async def _rest(self, period: timedelta) -> None:
        """Wait until `notify`, at most this long."""

        async def alarm() -> None:
            await self._clock.sleep(period)
            self._wake.set()

        async with anyio.create_task_group() as waiting:
            waiting.start_soon(alarm)
            await self._wake.wait()
            waiting.cancel_scope.cancel()
