"""Meteroid: bearer key, bare documents, whole minor units. Its open-source server and its cloud differ in places.

Old servers spell enums `PartiallyPaid`, newer ones `PARTIALLY_PAID`; the open-source server writes UTC without an
offset, and answers 500 where the invoice does not exist.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import cast

import aiohttp

from watcher.clock import Clock, Dice
from watcher.core import money
from watcher.core.errors import CredentialsRefused, InvoiceRefused
from watcher.core.invoice import WITHOUT_DUE, Amounts, Invoice, Snapshot, Status, read_status
from watcher.core.json_text import Document
from watcher.ports import Failed, Fetched, Found, Look, Missing, Pacer
from watcher.providers import documents, fields, reading
from watcher.providers.http import Answer, ProviderHttp, raise_if_unavailable, read_object
from watcher.providers.kind import Account, ProviderKind
from watcher.providers.one_by_one import error_object, fetch_one, read_probe
from watcher.providers.reading import NAME_LENGTH, cut, quoted, word_key

_VOLATILE = frozenset({"updated_at", "transactions"})
_UPDATED_AT = re.compile(rb'"updated_at"\s*:\s*(?:null|"[^"\\]*")')
"""It moves without a change and stands still with one."""


class Coupon(fields.Wire):
    coupon_id: fields.Text = None
    name: fields.Text = None
    total: fields.Number = None


class Address(fields.Wire):
    line1: fields.Text = None
    line2: fields.Text = None
    city: fields.Text = None
    state: fields.Text = None
    zip_code: fields.Text = None
    country: fields.Text = None


class CustomerDetails(fields.Wire):
    id: fields.Text = None
    name: fields.Text = None
    snapshot_at: fields.Instant = None
    alias: fields.Text = None
    email: fields.Text = None
    vat_number: fields.Text = None
    billing_address: fields.Unused[Address] = None


class SubLine(fields.Wire):
    id: fields.Text = None
    name: fields.Text = None
    quantity: fields.Number = None
    total: fields.Number = None
    unit_price: fields.Number = None


class LineItem(fields.Wire):
    name: fields.Text = None
    description: fields.Text = None
    quantity: fields.Number = None
    unit_price: fields.Number = None
    amount_total: fields.Number = None
    start_date: fields.Day = None
    end_date: fields.Day = None
    tax_rate: fields.Number = None
    sub_line_items: fields.Unused[tuple[SubLine, ...]] = None


class TaxBreakdown(fields.Wire):
    name: fields.Text = None
    taxable_amount: fields.Number = None
    tax_amount: fields.Number = None
    tax_rate: fields.Number = None
    exemption_type: fields.Text = None


class PaymentMethod(fields.Wire):
    payment_method_type: fields.Text = None
    account_number_hint: fields.Text = None
    card_brand: fields.Text = None
    card_last4: fields.Text = None


class Transaction(fields.Wire):
    """The amounts refunded and reversed are the cloud's: refunded by choice, reversed against our will."""

    id: fields.Text = None
    amount: fields.Amount
    currency: fields.Text = None
    status: fields.WordOrEmpty = ""
    payment_type: fields.WordOrEmpty = ""
    error: fields.Text = None
    payment_method_id: fields.Text = None
    payment_method_info: fields.Unused[PaymentMethod] = None
    processed_at: fields.Instant = None
    provider_transaction_id: fields.Text = None
    amount_refunded: fields.AmountOrZero = Decimal(0)
    amount_reversed: fields.AmountOrZero = Decimal(0)
    parent_transaction_id: fields.Text = None
    credit_note_id: fields.Text = None
    refund_mode: fields.Text = None
    reversal_kind: fields.Text = None

    def is_payment(self, status: str) -> bool:
        return word_key(self.payment_type) in {"payment", ""} and word_key(self.status) == status


class MeteroidInvoice(fields.Wire):
    id: fields.Identifier
    invoice_number: fields.Text = None
    status: fields.Word
    payment_status: fields.WordOrEmpty = ""
    invoice_type: fields.Text = None
    customer_id: fields.Text = None
    customer_details: fields.Unused[CustomerDetails] = None
    subscription_id: fields.Text = None
    currency: fields.Currency
    invoice_date: fields.Day = None
    due_date: fields.Day = None
    subtotal: fields.Number = None
    subtotal_recurring: fields.Number = None
    tax_amount: fields.Number = None
    total: fields.Amount
    amount_due: fields.Amount
    applied_credits: fields.AmountOrZero = Decimal(0)
    net_terms: fields.Number = None
    memo: fields.Text = None
    reference: fields.Text = None
    purchase_order: fields.Text = None
    created_at: fields.Instant = None
    updated_at: fields.Instant = None
    finalized_at: fields.Instant = None
    paid_at: fields.Instant = None
    voided_at: fields.Instant = None
    marked_as_uncollectible_at: fields.Instant = None
    line_items: fields.Unused[tuple[fields.Unused[LineItem], ...]] = None
    tax_breakdown: fields.Unused[tuple[TaxBreakdown, ...]] = None
    coupons: fields.Unused[tuple[Coupon, ...]] = None
    transactions: fields.Listed[Transaction] = ()
    custom_properties: object = None
    tax_inclusive: fields.Flag = None
    billing_period_start: fields.Day = None
    billing_period_end: fields.Day = None
    einvoicing_status: fields.Text = None
    parent_invoice_id: fields.Text = None
    child_invoice_id: fields.Text = None


class Meteroid:
    """One tenant, which the key selects."""

    batch_size = 1

    def __init__(self, account: Account, session: aiohttp.ClientSession, clock: Clock, _dice: Dice) -> None:
        self._http = ProviderHttp(session, account, clock)
        self._clock = clock
        self._headers = {"Authorization": f"Bearer {account.credentials['api_key']}"}

    async def fetch(self, ids: Sequence[str], pacer: Pacer) -> Fetched:
        async def ask(segment: str) -> Answer:
            return await self._http.request(pacer, "GET", f"/api/v1/invoices/{segment}", headers=self._headers)

        return await fetch_one(ids, self._clock, ask, read_look)

    async def probe(self, pacer: Pacer) -> datetime | None:
        # Without per_page the server pages by 25, and says 10.
        answer = await self._http.request(pacer, "GET", "/api/v1/invoices?page=0&per_page=1", headers=self._headers)
        return read_probe(answer)

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:  # noqa: ARG002  # the port's
        return to_invoice(document)

    async def renew_token(self, pacer: Pacer) -> None:
        """Nothing: a key has no end."""


KIND = ProviderKind(
    name="meteroid", credentials=("api_key",), base_url="https://api.meteroid.com", rate=5.0, build=Meteroid
)


def read_look(answer: Answer) -> Look:
    """Judge the answer for one id. A 500 is raised as an outage: only a control call can tell that it is no such."""
    raise_if_unavailable(answer)
    if answer.status < 300:  # noqa: PLR2004  # status codes are their own names
        document = read_object(answer)
        return Found(document, partial(documents.raw, document, answer.body), _fingerprint(document, answer.body))
    words = _words_of(answer)
    if answer.status == 401:  # noqa: PLR2004  # same
        raise CredentialsRefused(words)
    if answer.status == 404:  # noqa: PLR2004  # same
        return Missing(words)
    return Failed(InvoiceRefused(words))


def _fingerprint(document: Document, body: bytes) -> bytes:
    """Hash all but `updated_at` and the order of transactions. Most invoices have at most one: those are fast."""
    rows = document.get("transactions")
    if not isinstance(rows, list) or len(cast("list[object]", rows)) < 2:  # noqa: PLR2004  # one row has no order
        return documents.fingerprint_of_text(_UPDATED_AT.sub(b"", body))
    hashed = documents.without(document, _VOLATILE)
    hashed["transactions"] = documents.by_id(cast("object", rows))
    return documents.fingerprint(hashed)


def to_invoice(document: Document) -> Invoice:
    """Read a document; partial payments that `ERRORED` and `PROCESSING` hide are read from the numbers."""
    wire = fields.validated(MeteroidInvoice, document)
    told = _status(wire)
    amounts = (_amounts(wire, told),)
    failed = [row for row in wire.transactions if row.is_payment("failed")]
    last = max(failed, key=lambda row: (row.processed_at or _LONG_AGO, row.id or ""), default=None)
    return Invoice(
        id=wire.id,
        status=read_status(told, amounts),
        provider_status="/".join(reading.screaming_snake(word) for word in (wire.status, wire.payment_status) if word),
        amounts=amounts,
        number=cut(wire.invoice_number, NAME_LENGTH),
        payment_pending=word_key(wire.payment_status) == "processing"
        or any(
            word_key(row.status) == "pending" and word_key(row.payment_type) != "refund" for row in wire.transactions
        ),
        failed_attempts=len(failed),
        last_payment_error=reading.error_text(last.error) if last else None,
        issued_on=wire.invoice_date,
        due=wire.due_date,
        created_at=wire.created_at,
        finalized_at=wire.finalized_at,
        paid_at=wire.paid_at,
        voided_at=wire.voided_at,
        uncollectible_at=wire.marked_as_uncollectible_at,
        customer_id=cut(wire.customer_id, NAME_LENGTH),
        customer_name=cut(wire.customer_details.name if wire.customer_details else None, NAME_LENGTH),
        line_count=len(wire.line_items or ()),
    )


_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_FINALIZED = {
    "unpaid": Status.OPEN,
    "processing": Status.OPEN,
    "partiallypaid": Status.OPEN,
    "errored": Status.OPEN,
    "paid": Status.PAID,
}


def _status(wire: MeteroidInvoice) -> Status:
    match word_key(wire.status):
        case "draft":
            return Status.DRAFT
        case "finalized":
            return _FINALIZED.get(word_key(wire.payment_status), Status.UNKNOWN)
        case "uncollectible":
            return Status.UNCOLLECTIBLE
        case "void":
            return Status.VOID
        case "closed" if word_key(wire.payment_status) == "paid":
            return Status.PAID
        case _:
            return Status.UNKNOWN


@money.exact
def _amounts(wire: MeteroidInvoice, told: Status) -> Amounts:
    def major(minor: Decimal) -> Decimal:
        return money.from_minor(minor, wire.currency)

    zero = major(Decimal(0))
    total, credited, due = major(wire.total), major(wire.applied_credits), major(wire.amount_due)
    received = total - credited - due
    settled = [row for row in wire.transactions if row.is_payment("settled")]
    explained = max(zero, sum((major(row.amount) - major(row.amount_reversed) for row in settled), zero))
    # Where anything is due, the invoice's numbers bound what its transactions claim.
    bounded = min(explained, received) if settled else received
    paid = explained if due == 0 else max(zero, bounded)
    return Amounts(
        currency=wire.currency,
        total=total,
        paid=paid,
        due=zero if told in WITHOUT_DUE else max(zero, due),
        credited=credited + max(zero, received - paid),
        refunded=sum((major(row.amount_refunded) for row in wire.transactions), zero),
        written_off=max(zero, due) if told is Status.UNCOLLECTIBLE else zero,
        minor=not money.is_known(wire.currency),
    )


def _words_of(answer: Answer) -> str:
    told = error_object(answer)
    return f"HTTP {answer.status} {quoted(told.get('code'))}: {quoted(told.get('message'))}".rstrip(": ")
