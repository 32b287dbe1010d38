"""Sends digests: one message about all deliveries of an endpoint whose period has ended, settled together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio
import structlog

from watcher.clock import Clock, Random, sleep_or
from watcher.core.errors import StoreUnavailable
from watcher.core.notifications.digest_schedule import DigestSchedule
from watcher.delivery.endpoint_limiter import EndpointPolicy
from watcher.delivery.retry_policy import settle
from watcher.ports import (
    UNOBSERVED,
    ClaimedDelivery,
    DeliveryObserver,
    DigestOutbox,
    DigestSender,
    Outbox,
    Outcome,
    Receipt,
    Settlement,
)

LONGEST_STEP = timedelta(minutes=3)
"""Beside the attempts of a round: claiming and settling, while another program locks the database."""

LEASE_MARGIN = timedelta(seconds=60)
"""How much longer a lease lasts than the attempt: time to write the message of thousands of events, and to settle."""

SWEEP = timedelta(seconds=1)
LAST_WORDS_SECONDS = 5

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DigestPolicy:
    schedule: DigestSchedule
    endpoint: EndpointPolicy


class DigestDispatcher:
    """Sends to the endpoints that `configure` names. `on_heartbeat` is called with when to expect the next call."""

    def __init__(
        self,
        digests: DigestOutbox,
        outbox: Outbox,
        sender: DigestSender,
        clock: Clock,
        random: Random,
        *,
        on_heartbeat: Callable[[timedelta], None] = lambda _: None,
        observer: DeliveryObserver = UNOBSERVED,
        sweep: timedelta = SWEEP,
    ) -> None:
        self._digests = digests
        self._outbox = outbox
        self._sender = sender
        self._clock = clock
        self._random = random
        self._on_heartbeat = on_heartbeat
        self._observer = observer
        self._sweep = sweep
        self._policies: Mapping[str, DigestPolicy] = {}
        self._stopping = anyio.Event()

    def configure(self, policies: Mapping[str, DigestPolicy]) -> None:
        """Use these from now on. A digest in progress ends as it began."""
        self._policies = dict(policies)

    def stop(self) -> None:
        """Begin nothing more; `run` returns when the digests in progress are settled."""
        self._stopping.set()

    async def run(self) -> None:
        """Send until `stop`. When cancelled, what was not answered is given back."""
        while not self._stopping.is_set():
            self._beat()
            await self.run_once()
            await sleep_or(self._clock, self._stopping, self._sweep)

    async def run_once(self) -> Sequence[Outcome]:
        """Try each digest that is due; returns how these ended."""
        outcomes: list[Outcome] = []
        async with anyio.create_task_group() as group:
            for name, policy in self._policies.items():
                group.start_soon(self._send, name, policy, outcomes)
        return outcomes

    def _beat(self) -> None:
        longest = max((one.endpoint.timeout for one in self._policies.values()), default=timedelta(0))
        self._on_heartbeat(longest + LONGEST_STEP)

    async def _send(self, name: str, policy: DigestPolicy, outcomes: list[Outcome]) -> None:
        try:
            claimed = await self._claim(name, policy)
            outcome = await self._attempt(name, policy, claimed) if claimed else None
            if outcome is not None:
                outcomes.append(outcome)
        except StoreUnavailable as error:
            _log.warning("digest.stalled", endpoint=name, error=str(error))

    async def _claim(self, name: str, policy: DigestPolicy) -> tuple[ClaimedDelivery, ...]:
        claimed: tuple[ClaimedDelivery, ...] | None = None
        lease = policy.endpoint.timeout + LEASE_MARGIN
        # Shielded: what is claimed and not noted here would wait until its lease ends.
        with anyio.CancelScope(shield=True):
            claimed = await self._digests.claim_digest(name, policy.schedule, self._clock.now(), lease)
        return claimed or ()

    async def _attempt(self, name: str, policy: DigestPolicy, claimed: Sequence[ClaimedDelivery]) -> Outcome | None:
        """None if another process has taken it over: this one was stopped for a while after its claim."""
        settlements: Sequence[Settlement] = ()
        settled = False
        try:
            if not await self._digests.holds(claimed):
                settled = True
                _log.warning("digest.lease_lost", endpoint=name, deliveries=len(claimed))
                return None
            receipt = await self._sender.send_digest(name, claimed)
            settlements = settle_digest(claimed, receipt, policy.endpoint, self._clock.now(), self._random)
            self._observer.attempted(name, receipt)
            _report(name, claimed, receipt)
            await self._settle_patiently(settlements)
            settled = True
        finally:
            if not settled:
                with anyio.move_on_after(LAST_WORDS_SECONDS, shield=True):
                    await self._give_back(name, claimed, settlements)
        return receipt.outcome

    async def _settle_patiently(self, settlements: Sequence[Settlement]) -> None:
        while True:
            self._beat()
            try:
                lost: frozenset[int] = frozenset()
                with anyio.CancelScope(shield=True):
                    lost = await self._outbox.settle(settlements)
                for key in lost:
                    _log.warning("delivery.lease_lost", delivery=key)
            except StoreUnavailable as error:
                _log.warning("digest.stalled", error=str(error))
                await self._clock.sleep(SWEEP)
            else:
                return

    async def _give_back(
        self, name: str, claimed: Sequence[ClaimedDelivery], settlements: Sequence[Settlement]
    ) -> None:
        try:
            if settlements:
                await self._outbox.settle(settlements)
            else:
                await self._outbox.release(claimed, self._clock.now())
        except StoreUnavailable as error:
            _log.warning("digest.left_leased", endpoint=name, error=str(error))


def settle_digest(
    claimed: Sequence[ClaimedDelivery], receipt: Receipt, endpoint: EndpointPolicy, now: datetime, random: Random
) -> tuple[Settlement, ...]:
    """All of them become what becomes of the one with the fewest attempts, so that they are tried again together.

    A digest in which something is new has all its attempts before it.
    """
    newest = min(claimed, key=lambda delivery: delivery.attempts)
    model = settle(newest, receipt, endpoint, now, random)
    counted = model.attempts - newest.attempts
    return tuple(
        replace(model, key=delivery.key, lease=delivery.lease, attempts=delivery.attempts + counted)
        for delivery in claimed
    )


def _report(name: str, claimed: Sequence[ClaimedDelivery], receipt: Receipt) -> None:
    _log.info(
        "digest.attempted",
        endpoint=name,
        deliveries=len(claimed),
        outcome=receipt.outcome.value,
        error=receipt.error,
        milliseconds=round(receipt.duration.total_seconds() * 1000, 1),
    )
