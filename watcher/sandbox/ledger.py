"""One ledger behind the APIs: it changes bills, and the providers then show them."""

from collections.abc import Callable, Iterable
from datetime import date
from itertools import count

from watcher.clock import Clock
from watcher.sandbox.bill import Bill, Change, Line, Payment, PaymentState, Stage, derived

PROVIDERS = ("fragment", "meteroid", "dollr", "rapyd", "chargeover", "stripe", "lago", "chargebee")

DECLINED = "card_declined: The card of jane.doe@example.com ending 4242424242 was declined."
"""Contains an e-mail address and a long number on purpose: neither may reach a subscriber."""


class Ledger:
    """A provider does not show what it cannot express: the ledger only refuses impossible amounts."""

    def __init__(self, clock: Clock) -> None:
        self.on_change: Callable[[Bill, Change], None] = _ignore
        """Called after each change."""
        self._clock = clock
        self._revisions = count(1)
        self._bills: dict[str, dict[str, Bill]] = {provider: {} for provider in PROVIDERS}

    def create(
        self,
        provider: str,
        bill_id: str,
        currency: str,
        total: int,
        due: date | None = None,
        *,
        draft: bool = False,
        payable: bool = False,
        lines: tuple[Line, ...] = (),
    ) -> Bill:
        """Add a bill; an older one of the same id is replaced. `due` is a day, or an aware datetime for an instant."""
        now = self._clock.now()
        bill = Bill(
            provider=provider,
            id=bill_id,
            currency=currency,
            total=_whole(total),
            due=due,
            created_at=now,
            stage=Stage.DRAFT if draft else Stage.ISSUED,
            lines=lines or (Line("Professional services", total),),
            payable=payable,
            finalized_at=None if draft else now,
        )
        self._bills[provider][bill_id] = bill
        self._edit(bill, Change.CREATED)
        return bill

    def bill(self, provider: str, bill_id: str) -> Bill:
        """The bill, deleted or not. Raises KeyError."""
        return self._bills[provider][bill_id]

    def find(self, provider: str, bill_id: str) -> Bill | None:
        bill = self._bills[provider].get(bill_id)
        return None if bill is None or bill.deleted else bill

    def listed(self, provider: str, *, deleted: bool = False) -> Iterable[Bill]:
        """Oldest first, with the deleted ones or without."""
        return (bill for bill in self._bills[provider].values() if deleted or not bill.deleted)

    def finalize(self, bill: Bill) -> None:
        bill.stage = Stage.ISSUED
        bill.finalized_at = self._clock.now()
        self._edit(bill, Change.FINALIZED)

    def start_payment(self, bill: Bill, amount: int | None = None) -> None:
        """A payment is in progress: accepted, not yet settled."""
        self._attempt(bill, _whole(bill.owed if amount is None else amount), PaymentState.PENDING)
        self._touch(bill, Change.PAYMENT_STARTED)

    def pay(self, bill: Bill, amount: int | None = None) -> None:
        """Settle the payment in progress, or a new one; all that is owed by default. A draft becomes final by it."""
        if bill.stage is Stage.DRAFT:
            self.finalize(bill)
        payment = self._under_way(bill)
        if payment is None:
            payment = self._attempt(bill, _whole(bill.owed if amount is None else amount), PaymentState.SETTLED)
        elif amount is not None:
            payment.amount = _whole(amount)
        payment.state = PaymentState.SETTLED
        self._settle(bill, Change.PAID_IN_PART)

    def fail_payment(self, bill: Bill, error: str = DECLINED) -> None:
        """The payment in progress fails, or a new one does at once."""
        payment = self._under_way(bill) or self._attempt(bill, bill.owed, PaymentState.FAILED)
        payment.state = PaymentState.FAILED
        payment.error = error
        self._touch(bill, Change.PAYMENT_FAILED)

    def refund(self, bill: Bill, amount: int) -> None:
        """Return money by our choice, newest payment first. Raises ValueError for more than was kept."""
        for payment, part in _spread(bill, amount):
            payment.refunded += part
        self._touch(bill, Change.REFUNDED)

    def chargeback(self, bill: Bill, amount: int) -> None:
        """Money is taken back from us, newest payment first. Raises ValueError for more than was kept."""
        for payment, part in _spread(bill, amount):
            payment.reversed += part
        self._settle(bill, Change.REVERSED)

    def credit(self, bill: Bill, amount: int) -> None:
        bill.credited += _whole(amount)
        self._settle(bill, Change.CREDITED)

    def void(self, bill: Bill) -> None:
        bill.stage = Stage.VOID
        bill.voided_at = self._clock.now()
        self._edit(bill, Change.VOIDED)

    def write_off(self, bill: Bill) -> None:
        """Give up what is still owed."""
        bill.written_off += bill.owed
        bill.stage = Stage.WRITTEN_OFF
        bill.uncollectible_at = self._clock.now()
        self._edit(bill, Change.WRITTEN_OFF)

    def reopen(self, bill: Bill) -> None:
        """Take back a void or a write-off."""
        bill.stage = Stage.ISSUED
        bill.voided_at = bill.uncollectible_at = None
        bill.written_off = 0
        self._edit(bill, Change.REOPENED)

    def delete(self, bill: Bill) -> None:
        bill.deleted = True
        self._edit(bill, Change.DELETED)

    def restore(self, bill: Bill) -> None:
        bill.deleted = False
        self._edit(bill, Change.RESTORED)

    def change_due(self, bill: Bill, due: date | None) -> None:
        bill.due = due
        self._edit(bill, Change.EDITED)

    def change_total(self, bill: Bill, total: int) -> None:
        bill.lines = (*bill.lines, Line("Adjustment", _whole(total) - bill.total))
        bill.total = total
        self._edit(bill, Change.EDITED)

    def consolidate(self, bill: Bill) -> None:
        """Merge it into a parent (Meteroid): removed from lists, readable by id as a draft for ever."""
        bill.consolidated = True
        self._edit(bill, Change.CONSOLIDATED)

    def _attempt(self, bill: Bill, amount: int, state: PaymentState) -> Payment:
        payment_id = derived(bill.provider, bill.id, "payment", len(bill.payments))
        bill.payments.append(Payment(payment_id, amount, state, self._clock.now()))
        return bill.payments[-1]

    def _under_way(self, bill: Bill) -> Payment | None:
        return next((payment for payment in bill.payments if payment.state is PaymentState.PENDING), None)

    def _settle(self, bill: Bill, change: Change) -> None:
        if bill.owed:
            bill.paid_at = None
        elif bill.paid_at is None:
            bill.paid_at = self._clock.now()
            bill.first_paid_at = bill.first_paid_at or bill.paid_at
            change = Change.PAID
        self._touch(bill, change)

    def _edit(self, bill: Bill, change: Change) -> None:
        bill.version += bool(bill.edited_at)
        bill.edited_at = self._clock.now()
        self._touch(bill, change)

    def _touch(self, bill: Bill, change: Change) -> None:
        bill.touched_at = self._clock.now()
        bill.revision = next(self._revisions)
        self.on_change(bill, change)


def _ignore(_bill: Bill, _change: Change) -> None:
    """Nobody listens."""


def _whole(amount: int) -> int:
    if amount < 0:
        raise ValueError(f"an amount of {amount} minor units is negative")
    return amount


def _spread(bill: Bill, amount: int) -> list[tuple[Payment, int]]:
    parts: list[tuple[Payment, int]] = []
    left = _whole(amount)
    for payment in reversed(bill.payments):
        part = min(left, payment.kept)
        parts.append((payment, part))
        left -= part
    if left:
        raise ValueError(f"{amount} minor units are more than {bill.provider} {bill.id} has received")
    return parts
