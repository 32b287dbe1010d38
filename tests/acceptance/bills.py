"""Bills in every state that a provider can show, and what the canonical snapshot of each has to say."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from watcher.sandbox import Bill, Ledger

FAR = date(2036, 1, 31)
FAR_INSTANT = datetime(2036, 1, 31, 12, tzinfo=UTC)
LATE = date(2020, 2, 29)

MASKED = "card_declined: The card of *** ending *** was declined."

Act = Callable[[Ledger, Bill], None]


def nothing(_ledger: Ledger, _bill: Bill) -> None:
    """Leave it open."""


def paid(amount: int | None = None) -> Act:
    return lambda ledger, bill: ledger.pay(bill, amount)


def then(*acts: Act) -> Act:
    def live(ledger: Ledger, bill: Bill) -> None:
        for act in acts:
            act(ledger, bill)

    return live


PENDING: Act = Ledger.start_payment
FAILED: Act = Ledger.fail_payment
VOID: Act = Ledger.void
WRITTEN_OFF: Act = Ledger.write_off


def refunded(amount: int) -> Act:
    return lambda ledger, bill: ledger.refund(bill, amount)


def charged_back(amount: int) -> Act:
    return lambda ledger, bill: ledger.chargeback(bill, amount)


def credited(amount: int) -> Act:
    return lambda ledger, bill: ledger.credit(bill, amount)


@dataclass(frozen=True, slots=True)
class Case:
    """`amounts` are total, paid, due, credited, refunded and written off."""

    provider: str
    id: str
    act: Act
    status: str
    provider_status: str
    amounts: str
    draft: bool = False
    payable: bool = False
    pending: bool = False
    failed: int = 0
    error: str | None = None
    due: date | None = FAR
    overdue: bool = False


def rapyd_id(number: int) -> str:
    return f"invoice_{number:032x}"


_OPEN = "1000.00 0.00 1000.00 0.00 0.00 0.00"
_PAID = "1000.00 1000.00 0.00 0.00 0.00 0.00"
_PARTLY = "1000.00 400.00 600.00 0.00 0.00 0.00"
_GONE = "1000.00 0.00 0.00 0.00 0.00 0.00"
_CREDITED = "1000.00 0.00 0.00 1000.00 0.00 0.00"
_LOST = "1000.00 0.00 0.00 0.00 0.00 1000.00"

METEROID = (
    Case("meteroid", "inv_draft", nothing, "draft", "DRAFT/UNPAID", _OPEN, draft=True),
    Case("meteroid", "inv_open", nothing, "open", "FINALIZED/UNPAID", _OPEN),
    Case("meteroid", "inv_late", nothing, "open", "FINALIZED/UNPAID", _OPEN, due=LATE, overdue=True),
    Case("meteroid", "inv_part", paid(40_000), "partially_paid", "FINALIZED/PARTIALLY_PAID", _PARTLY),
    Case("meteroid", "inv_pending", PENDING, "open", "FINALIZED/PROCESSING", _OPEN, pending=True),
    Case("meteroid", "inv_partpending", then(paid(40_000), PENDING), "partially_paid", "FINALIZED/PROCESSING", _PARTLY,
         pending=True),
    Case("meteroid", "inv_failed", FAILED, "open", "FINALIZED/ERRORED", _OPEN, failed=1, error=MASKED),
    Case("meteroid", "inv_partfailed", then(paid(40_000), FAILED), "partially_paid", "FINALIZED/ERRORED", _PARTLY,
         failed=1, error=MASKED),
    Case("meteroid", "inv_paid", paid(), "paid", "FINALIZED/PAID", _PAID),
    Case("meteroid", "inv_credited", credited(100_000), "paid", "FINALIZED/PAID", _CREDITED),
    Case("meteroid", "inv_refunded", then(paid(), refunded(30_000)), "paid", "FINALIZED/PAID",
         "1000.00 1000.00 0.00 0.00 300.00 0.00"),
    Case("meteroid", "inv_reversed", then(paid(), charged_back(25_000)), "partially_paid", "FINALIZED/PARTIALLY_PAID",
         "1000.00 750.00 250.00 0.00 0.00 0.00"),
    Case("meteroid", "inv_void", VOID, "void", "VOID/UNPAID", _GONE),
    Case("meteroid", "inv_lost", WRITTEN_OFF, "uncollectible", "UNCOLLECTIBLE/UNPAID", _LOST),
    Case("meteroid", "inv_closed", nothing, "unknown", "CLOSED/UNPAID", _OPEN),
    Case("meteroid", "inv_closedpaid", paid(), "paid", "CLOSED/PAID", _PAID),
    Case("meteroid", "inv_consolidated", Ledger.consolidate, "draft", "DRAFT/UNPAID", _OPEN),
)  # fmt: skip

DOLLR = (
    Case("dollr", "1", nothing, "draft", "IDLE", _OPEN, draft=True, due=FAR_INSTANT),
    Case("dollr", "2", nothing, "open", "ACTIVE", _OPEN, due=FAR_INSTANT),
    Case("dollr", "3", PENDING, "open", "PROCESSING", _OPEN, pending=True, due=FAR_INSTANT),
    Case("dollr", "4", paid(), "paid", "PAID", _PAID, due=None),
    Case("dollr", "5", VOID, "void", "CANCELED", _GONE, due=FAR_INSTANT),
    Case("dollr", "6", paid(40_000), "open", "ACTIVE", _OPEN, due=FAR_INSTANT),
)

RAPYD = (
    Case("rapyd", rapyd_id(1), nothing, "draft", "draft", _OPEN, draft=True, due=FAR_INSTANT),
    Case("rapyd", rapyd_id(2), nothing, "open", "open", _OPEN, due=None),
    Case("rapyd", rapyd_id(3), PENDING, "open", "open", _OPEN, pending=True, due=FAR_INSTANT),
    Case("rapyd", rapyd_id(4), FAILED, "open", "open", _OPEN, failed=1, error="card_declined", due=FAR_INSTANT),
    Case("rapyd", rapyd_id(5), then(FAILED, PENDING), "open", "open", _OPEN, pending=True, failed=1, due=FAR_INSTANT),
    Case("rapyd", rapyd_id(6), paid(), "paid", "paid", _PAID, due=FAR_INSTANT),
    Case("rapyd", rapyd_id(7), paid(40_000), "partially_paid", "open", _PARTLY, due=FAR_INSTANT),
    Case("rapyd", rapyd_id(8), then(paid(), refunded(30_000)), "paid", "paid", "1000.00 1000.00 0.00 0.00 300.00 0.00",
         due=FAR_INSTANT),
    Case("rapyd", rapyd_id(9), VOID, "void", "void", _GONE, due=FAR_INSTANT),
    Case("rapyd", rapyd_id(10), WRITTEN_OFF, "uncollectible", "uncollectible", _LOST, due=FAR_INSTANT),
    Case("rapyd", rapyd_id(11), Ledger.delete, "deleted", "canceled", _GONE, draft=True, due=FAR_INSTANT),
    Case("rapyd", rapyd_id(12), nothing, "open", "open", _OPEN, payable=True, due=FAR_INSTANT),
    Case("rapyd", rapyd_id(13), then(FAILED, paid()), "paid", "paid", _PAID, failed=1, due=FAR_INSTANT),
)  # fmt: skip

CHARGEOVER = (
    Case("chargeover", "1", nothing, "open", "open-unpaid", _OPEN),
    Case("chargeover", "2", nothing, "open", "open-overdue", _OPEN, due=LATE, overdue=True),
    Case("chargeover", "3", paid(40_000), "partially_paid", "open-unpaid", _PARTLY),
    Case("chargeover", "4", paid(), "paid", "closed-paid", _PAID),
    Case("chargeover", "5", VOID, "void", "closed-void", "0.00 0.00 0.00 0.00 0.00 0.00"),
    Case("chargeover", "6", WRITTEN_OFF, "uncollectible", "closed-paid", _LOST),
    Case("chargeover", "7", then(paid(), refunded(30_000)), "partially_paid", "open-unpaid",
         "1000.00 1000.00 300.00 0.00 300.00 0.00"),
    Case("chargeover", "8", credited(40_000), "open", "open-unpaid", "1000.00 0.00 600.00 400.00 0.00 0.00"),
    Case("chargeover", "9", FAILED, "open", "open-unpaid", _OPEN, failed=1),
)  # fmt: skip

FRAGMENT = (
    Case("fragment", "a draft", nothing, "draft", "active", "0.00 0.00 0.00 0.00 0.00 0.00", draft=True, due=None),
    Case("fragment", "open/1#?%", nothing, "open", "active", _OPEN, due=None),
    Case("fragment", "part", paid(40_000), "partially_paid", "active", _PARTLY, due=None),
    Case("fragment", "paid", paid(), "paid", "active", _PAID, due=None),
    Case("fragment", "over", paid(120_000), "paid", "active", "1000.00 1200.00 0.00 0.00 0.00 0.00", due=None),
    Case("fragment", "payout", nothing, "open", "active", _OPEN, payable=True, due=None),
    Case("fragment", "back", then(paid(), refunded(30_000)), "partially_paid", "active",
         "1000.00 700.00 300.00 0.00 0.00 0.00", due=None),
)  # fmt: skip

STRIPE = (
    Case("stripe", "in_draft", nothing, "draft", "draft", _OPEN, draft=True, due=FAR_INSTANT),
    Case("stripe", "in_open", nothing, "open", "open", _OPEN, due=None),
    Case("stripe", "in_late", nothing, "open", "open", _OPEN, due=LATE, overdue=True),
    Case("stripe", "in_part", paid(40_000), "partially_paid", "open", _PARTLY, due=FAR_INSTANT),
    Case("stripe", "in_pending", PENDING, "open", "open", _OPEN, pending=True, due=FAR_INSTANT),
    Case("stripe", "in_failed", FAILED, "open", "open", _OPEN, failed=1, error="card_declined", due=FAR_INSTANT),
    Case("stripe", "in_twice", then(FAILED, FAILED), "open", "open", _OPEN, failed=2, error="card_declined", due=None),
    Case("stripe", "in_partfailed", then(paid(40_000), FAILED), "partially_paid", "open", _PARTLY, failed=1,
         error="card_declined", due=FAR_INSTANT),
    Case("stripe", "in_paid", then(FAILED, paid()), "paid", "paid", _PAID, failed=1, due=None),
    Case("stripe", "in_credited", credited(40_000), "open", "open", "1000.00 0.00 600.00 400.00 0.00 0.00",
         due=FAR_INSTANT),
    Case("stripe", "in_refunded", then(paid(), refunded(30_000)), "paid", "paid",
         "1000.00 1000.00 0.00 0.00 300.00 0.00", due=FAR_INSTANT),
    Case("stripe", "in_void", VOID, "void", "void", _GONE, due=FAR_INSTANT),
    Case("stripe", "in_lost", WRITTEN_OFF, "uncollectible", "uncollectible", _LOST, due=FAR_INSTANT),
)  # fmt: skip


def lago_id(number: int) -> str:
    return f"{number:08x}-1a90-4a90-8a90-1a901a901a90"


LAGO = (
    Case("lago", lago_id(1), nothing, "draft", "draft/pending", _OPEN, draft=True),
    Case("lago", lago_id(2), nothing, "open", "finalized/pending", _OPEN),
    Case("lago", lago_id(3), nothing, "open", "finalized/pending", _OPEN, due=LATE, overdue=True),
    Case("lago", lago_id(4), paid(40_000), "partially_paid", "finalized/pending", _PARTLY),
    Case("lago", lago_id(5), FAILED, "open", "finalized/failed", _OPEN, failed=1),
    Case("lago", lago_id(6), paid(), "paid", "finalized/succeeded", _PAID),
    Case("lago", lago_id(7), credited(40_000), "open", "finalized/pending", "1000.00 0.00 600.00 400.00 0.00 0.00"),
    Case("lago", lago_id(8), then(paid(), refunded(30_000)), "paid", "finalized/succeeded", _PAID),
    Case("lago", lago_id(9), VOID, "void", "voided/pending", _GONE),
)  # fmt: skip

CHARGEBEE = (
    Case("chargebee", "A-1", nothing, "draft", "pending", _OPEN, draft=True, due=FAR_INSTANT),
    Case("chargebee", "A-2", nothing, "open", "posted", _OPEN, due=None),
    Case("chargebee", "A-3", nothing, "open", "payment_due", _OPEN, due=LATE, overdue=True),
    Case("chargebee", "A-4", paid(40_000), "partially_paid", "posted", _PARTLY, due=FAR_INSTANT),
    Case("chargebee", "A-5", PENDING, "open", "posted", _OPEN, pending=True, due=FAR_INSTANT),
    Case("chargebee", "A-6", then(FAILED, FAILED, FAILED), "open", "not_paid", _OPEN, failed=3, due=FAR_INSTANT),
    Case("chargebee", "A-7", then(FAILED, paid()), "paid", "paid", _PAID, failed=1, due=FAR_INSTANT),
    Case("chargebee", "A-8", credited(40_000), "open", "posted", "1000.00 0.00 600.00 400.00 0.00 0.00",
         due=FAR_INSTANT),
    Case("chargebee", "A-9", then(paid(), refunded(30_000)), "paid", "paid", "1000.00 1000.00 0.00 0.00 300.00 0.00",
         due=FAR_INSTANT),
    Case("chargebee", "A-10", then(paid(), charged_back(100_000)), "open", "posted", _OPEN, due=FAR_INSTANT),
    Case("chargebee", "A-11", VOID, "void", "voided", _GONE, due=FAR_INSTANT),
    Case("chargebee", "A-12", WRITTEN_OFF, "uncollectible", "paid/written_off", _LOST, due=FAR_INSTANT),
)  # fmt: skip

EVERY_CASE = METEROID + DOLLR + RAPYD + CHARGEOVER + FRAGMENT + STRIPE + LAGO + CHARGEBEE


def create(ledger: Ledger, case: Case) -> Bill:
    bill = ledger.create(case.provider, case.id, "EUR", 100_000, case.due, draft=case.draft, payable=case.payable)
    case.act(ledger, bill)
    return bill
