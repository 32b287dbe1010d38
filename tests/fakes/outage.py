"""Days of delivering in seconds: a real store, a real dispatcher, a clock that jumps to the next event."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.fakes import stored
from tests.fakes.clock import FakeClock
from tests.fakes.sender import FakeSender
from tests.fakes.stored import NOW, event
from watcher.delivery import Dispatcher, EndpointPolicy
from watcher.ports import Attempt, Outcome
from watcher.store import SqlOutbox, Store

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
RETRIES = (
    *(timedelta(0), timedelta(seconds=5), 5 * MINUTE, 30 * MINUTE),
    *(2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
)


class LeapingClock(FakeClock):
    """Nobody waits: who sleeps takes time with him. Only for one sleeper at a time."""

    async def sleep(self, period: timedelta) -> None:
        await super().sleep(timedelta(0))
        self.advance(max(period, timedelta(0)))


@dataclass
class Outage:
    """Receivers that take or refuse by `answer(endpoint, event id, now)`; `arrivals` is what each of them took."""

    store: Store
    answer: Callable[[str, str, datetime], Outcome]
    rate: float = 50
    clock: LeapingClock = field(default_factory=lambda: LeapingClock(NOW))
    arrivals: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict[str, list[tuple[datetime, str]]])
    requests: list[tuple[datetime, str, str]] = field(default_factory=list[tuple[datetime, str, str]])
    outbox: SqlOutbox = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    _names: tuple[str, ...] = ()
    _counts: dict[str, int] = field(default_factory=dict[str, int])

    async def begin(self, *names: str) -> None:
        self.outbox = await stored.listening(self.store, *names)
        endpoint = EndpointPolicy(RETRIES, rate=self.rate, concurrency=10, timeout=timedelta(seconds=15))
        sender = FakeSender(self.clock, self._answer)
        self._names = names
        self.dispatcher = Dispatcher(self.outbox, sender, self.clock, lambda: 0.5)
        self.dispatcher.configure(dict.fromkeys(names, endpoint))

    async def record_events(self, *invoices: str, to: tuple[str, ...]) -> None:
        """The next event of each of these invoices."""
        for invoice in invoices:
            self._counts[invoice] = self._counts.get(invoice, 0) + 1
        events = {one: [event(f"{one}#{self._counts[one]}", "invoice.updated", *to)] for one in invoices}
        await stored.record_all(self.store, events, self.clock.now())

    async def run_until(self, end: datetime) -> None:
        """Deliver whatever falls due until then."""
        while (at := await self.outbox.next_attempt_at(self._names)) is not None and at <= end:
            self.clock.advance(max(at - self.clock.now(), timedelta(0)))
            await self.dispatcher.run_once()
        self.clock.advance(max(end - self.clock.now(), timedelta(0)))

    def arrived(self, endpoint: str, invoice: str) -> list[str]:
        return [name for _, name in self.arrivals.get(endpoint, []) if name.startswith(f"{invoice}#")]

    def recorded(self, invoice: str) -> list[str]:
        return [f"{invoice}#{number}" for number in range(1, self._counts[invoice] + 1)]

    def _answer(self, attempt: Attempt) -> Outcome:
        now = self.clock.now()
        outcome = self.answer(attempt.endpoint, attempt.event_id, now)
        self.requests.append((now, attempt.endpoint, attempt.event_id))
        if outcome is Outcome.DELIVERED:
            self.arrivals.setdefault(attempt.endpoint, []).append((now, attempt.event_id))
        return outcome
