"""One invoice's life, long enough to record nearly every event, as the core decides it."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from watcher.core.invoices import body
from watcher.core.invoices.clock_events import ClockRules
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.invoice import Amounts, Customer, Direction, Snapshot, Status
from watcher.core.invoices.transition import Transition, observe

BEGINS_AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
RULES = ClockRules(due_soon=(timedelta(days=7),), reminders=(timedelta(days=1),))


def euros(total: str, paid: str = "0.00", *, due: str | None = None) -> tuple[Amounts, ...]:
    zero = Decimal("0.00")
    owed = Decimal(total) - Decimal(paid) if due is None else Decimal(due)
    return (Amounts("EUR", Decimal(total), Decimal(paid), owed, zero, zero, zero),)


OPEN = Snapshot(
    source="acme", provider="meteroid", id="inv_1", number="INV-1", status=Status.OPEN,
    provider_status="FINALIZED/UNPAID", overdue=False, payment_pending=False, failed_attempts=0,
    last_payment_error=None, direction=Direction.RECEIVABLE, amounts=euros("100.00"), issued_on=date(2026, 11, 1),
    due_on=date(2026, 11, 24), due_at=datetime(2026, 11, 25, tzinfo=UTC), created_at=None, finalized_at=BEGINS_AT,
    paid_at=None, voided_at=None, customer=Customer("cus_1", None), line_count=1, url=None, tags=("vip",),
    due_key="2026-11-24",
)  # fmt: skip
POLLS = (
    (replace(OPEN, status=Status.DRAFT), timedelta(0)),
    (OPEN, timedelta(hours=1)),
    (replace(OPEN, failed_attempts=1, last_payment_error="card_declined"), timedelta(hours=2)),
    (replace(OPEN, payment_pending=True), timedelta(hours=3)),
    (replace(OPEN, status=Status.PARTIALLY_PAID, amounts=euros("100.00", "40.00")), timedelta(hours=4)),
    (replace(OPEN, status=Status.PARTIALLY_PAID, amounts=euros("100.00", "40.00")), timedelta(days=5)),
    (replace(OPEN, status=Status.PAID, amounts=euros("100.00", "100.00"), paid_at=BEGINS_AT), timedelta(days=6)),
    (replace(OPEN, status=Status.PAID, amounts=euros("100.00", "120.00", due="0.00")), timedelta(days=7)),
    (replace(OPEN, amounts=euros("100.00")), timedelta(days=8)),
    (replace(OPEN, due_on=date(2027, 1, 1), due_key="2027-01-01"), timedelta(days=9)),
    (replace(OPEN, amounts=euros("150.00")), timedelta(days=10)),
    (replace(OPEN, status=Status.UNCOLLECTIBLE, amounts=euros("150.00", due="0.00")), timedelta(days=11)),
    (replace(OPEN, amounts=euros("150.00"), tags=("vip", "legal")), timedelta(days=12)),
    (replace(OPEN, status=Status.VOID, amounts=euros("150.00", due="0.00"), voided_at=BEGINS_AT), timedelta(days=13)),
    (replace(OPEN, status=Status.DELETED, amounts=euros("150.00", due="0.00")), timedelta(days=14)),
    (OPEN, timedelta(days=15)),
)
"""What each poll found, and when."""


@dataclass(frozen=True)
class Stage:
    """What one poll made of the invoice, with the full bodies of its events."""

    at: datetime
    transition: Transition
    bodies: tuple[bytes, ...]


def live(polls: int = len(POLLS)) -> tuple[Stage, ...]:
    memory, stages = HistoryState(), list[Stage]()
    for taken, later in POLLS[:polls]:
        at = BEGINS_AT + later
        step = observe(memory, taken, None, at, RULES, clock_held=False)
        seen = body.Observation(BEGINS_AT, at, at)
        bodies = tuple(body.full(event, step.snapshot, seen, at) for event in step.events)
        stages.append(Stage(at, step, bodies))
        memory = step.memory
    return tuple(stages)
