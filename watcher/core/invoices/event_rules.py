"""Which events a change of an invoice means, decided from two of its snapshots."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from watcher.core.invoices.diff import FieldChange
from watcher.core.invoices.event import CONFIGURATION, Delta, EventType, Fact
from watcher.core.invoices.invoice import COLLECTABLE, Amounts, Invoice, Snapshot, Status

_T = EventType
_REOPENABLE = frozenset({Status.VOID, Status.UNCOLLECTIBLE})
_FINAL = frozenset({Status.OPEN, Status.PARTIALLY_PAID, Status.PAID, Status.UNCOLLECTIBLE})


def decide(basis: Snapshot, after: Snapshot, invoice: Invoice | None, *, was_deleted: bool) -> tuple[Fact, ...]:
    """The facts of a transition between two known statuses, in the order of recording, without their changes.

    `basis` is the last snapshot with a definite status: neither unknown nor deleted, if there was one.
    """
    if after.status is Status.DELETED:
        return () if was_deleted else (Fact(_T.DELETED),)
    restored = (Fact(_T.RESTORED),) if was_deleted else ()
    return (*restored, *_life(basis, after, invoice), *_terms(basis, after), *_money(basis, after, invoice))


def _life(basis: Snapshot, after: Snapshot, invoice: Invoice | None) -> Iterator[Fact]:
    was, now = basis.status, after.status
    if was is Status.DRAFT and (now in _FINAL or (now is Status.VOID and after.finalized_at is not None)):
        yield Fact(_T.FINALIZED, occurred_at=after.finalized_at, inferred=now is not Status.OPEN)
    if was in _REOPENABLE and now in COLLECTABLE:
        yield Fact(_T.REOPENED)
    if now is Status.VOID and was is not now:
        yield Fact(_T.VOIDED, occurred_at=after.voided_at)
    if now is Status.UNCOLLECTIBLE and was is not now:
        yield Fact(_T.MARKED_UNCOLLECTIBLE, occurred_at=invoice.uncollectible_at if invoice else None)


def _terms(basis: Snapshot, after: Snapshot) -> Iterator[Fact]:
    if basis.status is Status.DRAFT:
        return
    if basis.due_key != after.due_key:
        yield Fact(_T.DUE_DATE_CHANGED)
    if after.status is not Status.VOID and _moved(basis, after, "total"):
        yield Fact(_T.AMOUNT_CHANGED)


def _money(basis: Snapshot, after: Snapshot, invoice: Invoice | None) -> Iterator[Fact]:
    paid_rose = _rises(basis, after, "paid")
    yield from _attempts(basis, after, invoice)
    if credited_rose := _rises(basis, after, "credited"):
        yield Fact(_T.CREDITED, delta=credited_rose)
    if paid_rose and after.money_due:
        yield Fact(_T.PARTIALLY_PAID, delta=paid_rose)
    if refunded_rose := _rises(basis, after, "refunded"):
        yield Fact(_T.REFUNDED, delta=refunded_rose)
    if reversed_by := _reversed(basis, after):
        yield Fact(_T.PAYMENT_REVERSED, delta=reversed_by)
    if after.status is Status.PAID and basis.status is not Status.PAID:
        yield Fact(_T.PAID, delta=paid_rose, occurred_at=after.paid_at)
    # A void may set the total to zero and leave a credit (ChargeOver): nobody paid too much.
    if after.status is not Status.VOID and _overpaid(after) - _overpaid(basis):
        yield Fact(_T.OVERPAID)


def _attempts(basis: Snapshot, after: Snapshot, invoice: Invoice | None) -> Iterator[Fact]:
    if after.failed_attempts > basis.failed_attempts:
        yield Fact(_T.PAYMENT_FAILED, attempts_delta=after.failed_attempts - basis.failed_attempts)
    elif invoice is not None and invoice.payment_failed_inferred:
        yield Fact(_T.PAYMENT_FAILED, inferred=True)
    if after.payment_pending and not basis.payment_pending:
        yield Fact(_T.PAYMENT_PENDING)


_ENDINGS = (_T.PAID, _T.VOIDED, _T.MARKED_UNCOLLECTIBLE, _T.DELETED)
_STATUS = (
    *_ENDINGS, _T.REOPENED, _T.PAYMENT_REVERSED, _T.PARTIALLY_PAID, _T.REFUNDED, _T.FINALIZED, _T.RESTORED,
    _T.AMOUNT_CHANGED, _T.CREDITED,
)  # fmt: skip
_CARRIERS: dict[str, tuple[EventType, ...]] = {
    "status": _STATUS,
    "provider_status": (*_STATUS, _T.PAYMENT_FAILED, _T.PAYMENT_PENDING),
    "overdue": (_T.OVERDUE_CLEARED, _T.OVERDUE, *_STATUS, _T.DUE_DATE_CHANGED),
    "payment_pending": (_T.PAYMENT_PENDING, _T.PAYMENT_FAILED, _T.PAID, _T.PARTIALLY_PAID, *_ENDINGS),
    "failed_attempts": (_T.PAYMENT_FAILED,),
    "last_payment_error": (_T.PAYMENT_FAILED, _T.PAID, _T.PARTIALLY_PAID, _T.PAYMENT_REVERSED),
    "number": (_T.FINALIZED,),
    "issued_on": (_T.FINALIZED,),
    "finalized_at": (_T.FINALIZED,),
    "due_on": (_T.DUE_DATE_CHANGED, _T.FINALIZED),
    "due_at": (_T.DUE_DATE_CHANGED, _T.FINALIZED),
    "paid_at": (_T.PAID, _T.PAYMENT_REVERSED, _T.REFUNDED, _T.PARTIALLY_PAID),
    "voided_at": (_T.VOIDED, _T.REOPENED),
    "total": (_T.AMOUNT_CHANGED, _T.VOIDED, _T.FINALIZED),
    "paid": (_T.PAID, _T.PARTIALLY_PAID, _T.PAYMENT_REVERSED, _T.REFUNDED, _T.OVERPAID),
    "due": (*_STATUS, _T.OVERPAID),
    "credited": (_T.CREDITED,),
    "refunded": (_T.REFUNDED,),
    "written_off": (_T.MARKED_UNCOLLECTIBLE, _T.REOPENED, _T.PAID),
    "unit": (_T.AMOUNT_CHANGED, _T.FINALIZED),
}
"""For each field, the events that may carry its change, the most specific first; `invoice.updated` carries the rest."""


_CONFIGURED = frozenset({"tags", "due_on", "due_at", "overdue"})
"""Fields that change without the provider: the tags, and with the time zone the local day and its end."""


def assign(facts: Iterable[Fact], changes: Iterable[FieldChange], *, same_due_date: bool) -> tuple[Fact, ...]:
    """Put each change into exactly one fact. Changes that no fact explains go into an added `invoice.updated`."""
    found = {fact.type: fact for fact in facts}
    shares: dict[EventType, list[FieldChange]] = {}
    for change in changes:
        field = change.field.rsplit(".", 1)[-1] if change.field.startswith("amounts.") else change.field
        carrier = next((event_type for event_type in _CARRIERS.get(field, ()) if event_type in found), _T.UPDATED)
        shares.setdefault(carrier, []).append(change)
    if rest := shares.get(_T.UPDATED):
        is_configuration = same_due_date and all(change.field in _CONFIGURED for change in rest)
        found[_T.UPDATED] = Fact(_T.UPDATED, reason=CONFIGURATION if is_configuration else None)
    return tuple(replace(fact, changes=tuple(shares.get(fact.type, ()))) for fact in found.values())


def _by_currency(snapshot: Snapshot) -> dict[str, Amounts]:
    return {row.currency: row for row in snapshot.amounts}


def _pairs(basis: Snapshot, after: Snapshot, field: str) -> Iterator[tuple[str, Decimal, Decimal]]:
    old, new = _by_currency(basis), _by_currency(after)
    nothing = Decimal(0)
    for currency in sorted(old.keys() | new.keys()):
        before: Decimal = getattr(old[currency], field) if currency in old else nothing
        now: Decimal = getattr(new[currency], field) if currency in new else nothing
        yield currency, before, now


def _moved(basis: Snapshot, after: Snapshot, field: str) -> bool:
    return any(before != now for _, before, now in _pairs(basis, after, field))


def _rises(basis: Snapshot, after: Snapshot, field: str) -> tuple[Delta, ...]:
    return tuple(Delta(currency, now - before) for currency, before, now in _pairs(basis, after, field) if now > before)


def _reversed(basis: Snapshot, after: Snapshot) -> tuple[Delta, ...]:
    """By how much `paid` fell beyond what was refunded: this money was not returned but taken back."""
    refunds = {delta.currency: delta.amount for delta in _rises(basis, after, "refunded")}
    falls = ((currency, before - now) for currency, before, now in _pairs(basis, after, "paid"))
    beyond = ((currency, fall - refunds.get(currency, 0)) for currency, fall in falls)
    return tuple(Delta(currency, amount) for currency, amount in beyond if amount > 0)


def _overpaid(snapshot: Snapshot) -> frozenset[str]:
    """The currencies in which more was paid than was invoiced."""
    return frozenset(row.currency for row in snapshot.amounts if row.paid + row.credited + row.written_off > row.total)
