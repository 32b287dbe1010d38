"""One invoice of the sandbox, in no provider's terms: what happened to it. Every wire document is rendered from it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from hashlib import blake2b


class Stage(StrEnum):
    DRAFT = "draft"
    ISSUED = "issued"
    VOID = "void"
    WRITTEN_OFF = "written_off"


class PaymentState(StrEnum):
    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"


class Change(StrEnum):
    """What the ledger did to a bill: providers send a webhook for some of it."""

    CREATED = "created"
    FINALIZED = "finalized"
    PAYMENT_STARTED = "payment_started"
    PAYMENT_FAILED = "payment_failed"
    PAID_IN_PART = "paid_in_part"
    """Money came in, and the bill is as paid as before."""
    PAID = "paid"
    REFUNDED = "refunded"
    REVERSED = "reversed"
    CREDITED = "credited"
    VOIDED = "voided"
    WRITTEN_OFF = "written_off"
    REOPENED = "reopened"
    EDITED = "edited"
    CONSOLIDATED = "consolidated"
    DELETED = "deleted"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Line:
    description: str
    amount: int


@dataclass(slots=True)
class Payment:
    """One payment attempt. `refunded` was returned by our choice, `reversed` taken back (chargeback, bounced debit)."""

    id: str
    amount: int
    state: PaymentState
    at: datetime
    refunded: int = 0
    reversed: int = 0
    error: str | None = None

    @property
    def kept(self) -> int:
        return self.amount - self.refunded - self.reversed if self.state is PaymentState.SETTLED else 0


@dataclass(slots=True, eq=False)
class Bill:
    """All amounts are whole minor units. Change it only through the `Ledger`, which keeps `revision` right."""

    provider: str
    id: str
    currency: str
    total: int
    due: date | None
    """A day, or an aware datetime (which is a date too) if the provider uses instants."""
    created_at: datetime
    stage: Stage
    lines: tuple[Line, ...]
    payable: bool = False
    """Money flows to the customer (Fragment's payouts, Rapyd's payout invoices)."""
    payments: list[Payment] = field(default_factory=list[Payment])
    credited: int = 0
    written_off: int = 0
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    """When it was last paid in full; None again after a reversal."""
    first_paid_at: datetime | None = None
    """For providers whose `paid` is final whatever comes later."""
    voided_at: datetime | None = None
    uncollectible_at: datetime | None = None
    edited_at: datetime | None = None
    """The last change of the document itself. Payments do not change it, as at Fragment and Meteroid."""
    touched_at: datetime | None = None
    version: int = 1
    deleted: bool = False
    consolidated: bool = False
    revision: int = 0
    """From one counter for the whole ledger: documents of equal revision are equal."""

    @property
    def settled(self) -> int:
        return sum(payment.amount for payment in self.payments if payment.state is PaymentState.SETTLED)

    @property
    def refunded(self) -> int:
        return sum(payment.refunded for payment in self.payments)

    @property
    def reversed(self) -> int:
        return sum(payment.reversed for payment in self.payments)

    @property
    def owed(self) -> int:
        """What is still to be paid; a refund does not make it due again."""
        return max(0, self.total - self.credited - self.written_off - (self.settled - self.reversed))

    @property
    def pending(self) -> bool:
        return any(payment.state is PaymentState.PENDING for payment in self.payments)

    @property
    def failures(self) -> int:
        return sum(payment.state is PaymentState.FAILED for payment in self.payments)

    @property
    def last_failed(self) -> bool:
        return bool(self.payments) and self.payments[-1].state is PaymentState.FAILED

    @property
    def issued(self) -> bool:
        return self.stage is Stage.ISSUED


def derived(*parts: object, length: int = 32) -> str:
    """Hex that depends only on the parts: customer, line and payment ids need no random numbers."""
    return blake2b("/".join(map(str, parts)).encode(), digest_size=32).hexdigest()[:length]


def number_of(bill: Bill) -> str:
    """The human invoice number, such as INV-2026-01234."""
    return f"INV-{bill.created_at.year}-{int(derived(bill.provider, bill.id, 'number', length=8), 16) % 100_000:05d}"
