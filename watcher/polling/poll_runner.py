"""Makes the requests for claimed watches. The poller, list syncs and urgent polls share one."""

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio
import structlog
from anyio.streams.memory import MemoryObjectSendStream

from watcher.clock import Clock
from watcher.core.errors import StoreUnavailable
from watcher.polling.connectivity import Network
from watcher.polling.fetch import ActiveSource, Fetcher
from watcher.polling.rate_limit import SendSlot
from watcher.polling.recorder import Outcome, pass_on
from watcher.ports import UNOBSERVED, Claim, ClaimedWatch, PollObserver, RateBudget

_log = structlog.get_logger()

LEASE_MARGIN = timedelta(minutes=2)
"""How much longer a lease lasts than its last request may take: time to evaluate and record the answers."""


@dataclass(frozen=True, slots=True)
class PollRunner:
    """Polls claimed watches and passes the outcomes on to the recorder.

    While `network` is down, and once `stopping` is set, watches are given back without a request.
    """

    budget: RateBudget
    clock: Clock
    fetcher: Fetcher
    network: Network
    observer: PollObserver = UNOBSERVED
    stopping: anyio.Event = field(default_factory=anyio.Event)

    def send_slot(
        self, source: ActiveSource, slots: Sequence[datetime] = (), last_at: datetime | None = None
    ) -> SendSlot:
        """The rate limiter of one request. Without `slots`, every send instant is reserved when it is needed."""
        plan = source.plan
        return SendSlot(
            plan.name, plan.spacing, source.limiter, self.budget, self.clock, list(slots), last_at, self.observer
        )

    def requests(self, source: ActiveSource, claim: Claim) -> Iterator[tuple[Sequence[ClaimedWatch], SendSlot]]:
        """The requests of a claim. None leaves later than one time-out before the lease ends."""
        last_at = claim.lease_ends_at - source.plan.timeout
        for slot, watches in claim.requests():
            yield watches, self.send_slot(source, [slot], last_at)

    async def poll(
        self,
        source: ActiveSource,
        watches: Sequence[ClaimedWatch],
        send_slot: SendSlot,
        outcomes: MemoryObjectSendStream[Outcome],
    ) -> None:
        """Make one request for these watches and pass on what came of it."""
        if self.stopping.is_set() or self.network.is_down:
            await pass_on(outcomes, self.given_back(source.plan.name, watches))
            return
        result = self.fetcher.result(source, watches, send_slot)
        for outcome in await self.guarded(source, watches, result):
            await pass_on(outcomes, outcome)

    async def guarded(
        self,
        source: ActiveSource,
        watches: Sequence[ClaimedWatch],
        work: Awaitable[tuple[Outcome, ...]],
    ) -> tuple[Outcome, ...]:
        """Do the work. Give the watches back if the store is unavailable, and fail them if this program has a bug."""
        try:
            return await work
        except StoreUnavailable as error:
            _log.error("polls.given_up", source=source.plan.name, polls=len(watches), error=str(error))
            return (self.given_back(source.plan.name, watches),)
        except Exception as error:  # noqa: BLE001 - the one place: a bug in reading one invoice must not end the daemon
            _log.exception("poll.crashed", source=source.plan.name, invoices=[watch.invoice_id for watch in watches])
            return self.fetcher.crashed(source.plan, watches, error)

    def given_back(self, source: str, watches: Sequence[ClaimedWatch]) -> Outcome:
        """The outcome of watches that were not polled: due again at once."""
        return Outcome(source, unasked=watches, due_at=self.clock.now())
