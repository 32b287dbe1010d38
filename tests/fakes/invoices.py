"""Invoices and watches with everything filled in that a test does not speak about."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from watcher.core.invoices.clock_events import ClockRules
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.invoice import Amounts, Invoice, Status
from watcher.core.invoices.snapshot import WatchFacts, deleted, take
from watcher.core.invoices.transition import Transition, observe

START = datetime(2026, 11, 1, tzinfo=UTC)
DUE = date(2026, 11, 20)
OVERDUE_AT = datetime(2026, 11, 21, tzinfo=UTC)
RULES = ClockRules(
    grace=timedelta(0),
    due_soon=(timedelta(days=7), timedelta(days=1)),
    reminders=(timedelta(days=1), timedelta(days=7)),
)
WATCH = WatchFacts(source="acme", provider="meteroid", timezone=ZoneInfo("UTC"), tags=("vip",))


def euros(
    total: str = "100.00", paid: str = "0.00", due: str | None = None, *, credited: str = "0.00", refunded: str = "0.00"
) -> Amounts:
    owed = Decimal(total) - Decimal(paid) - Decimal(credited) if due is None else Decimal(due)
    return Amounts(
        currency="EUR",
        total=Decimal(total),
        paid=Decimal(paid),
        due=owed,
        credited=Decimal(credited),
        refunded=Decimal(refunded),
        written_off=Decimal("0.00"),
    )


def invoice(status: Status = Status.OPEN, amounts: Amounts | None = None, **more: object) -> Invoice:
    made = Invoice(
        id="inv_1", status=status, provider_status=status.value.upper(), amounts=(amounts or euros(),), due=DUE
    )
    return replace(made, **more)  # pyright: ignore[reportArgumentType] -- the fields a test names


class Life:
    """One invoice's history: each step is a poll on some day, and gives the transition."""

    def __init__(self, rules: ClockRules = RULES, watch: WatchFacts = WATCH) -> None:
        self.rules, self.watch = rules, watch
        self.memory = HistoryState()

    def poll(self, seen: Invoice, *, day: float = 0, held: bool = False) -> Transition:
        taken = take(seen, self.watch)
        return self._step(observe(self.memory, taken, seen, _at(day), self.rules, clock_held=held))

    def lose(self, *, day: float = 0) -> Transition:
        assert self.memory.snapshot is not None
        gone = deleted(self.memory.snapshot)
        return self._step(observe(self.memory, gone, None, _at(day), self.rules, clock_held=False))

    def wait(self, *, day: float) -> Transition:
        assert self.memory.snapshot is not None
        return self._step(observe(self.memory, self.memory.snapshot, None, _at(day), self.rules, clock_held=False))

    def _step(self, transition: Transition) -> Transition:
        self.memory = transition.memory
        return transition


def types(transition: Transition) -> list[str]:
    return [event.fact.type.removeprefix("invoice.") for event in transition.events]


def _at(day: float) -> datetime:
    return START + timedelta(days=day)
