"""Meteroid: bearer key, bare documents, whole minor units. Its open-source server and its cloud differ in places.

Old servers spell enums `PartiallyPaid`, newer ones `PARTIALLY_PAID`. The open-source server writes UTC without an
offset, and answers 500 if the invoice does not exist.
"""

import string
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import cast
from uuid import UUID

import aiohttp

from watcher.clock import Clock, Random
from watcher.core import money
from watcher.core.errors import CredentialsRefused, InvalidAnswer, InvoiceRefused, ListRefused
from watcher.core.invoices.invoice import WITHOUT_DUE, Amounts, Invoice, Snapshot, Status, read_status
from watcher.core.json_text import Document
from watcher.ports import NOTHING_KNOWN, Failed, Fetched, Found, Known, Listed, Missing, Page, PollResult, RateLimiter
from watcher.providers.meteroid_hints import hint_scheme
from watcher.providers.meteroid_wire import MeteroidInvoice
from watcher.providers.toolkit import documents, field_types, field_values
from watcher.providers.toolkit.fetch_one import error_object, fetch_one, read_probe
from watcher.providers.toolkit.field_values import NAME_LENGTH, cut, quoted, word_key
from watcher.providers.toolkit.http import Answer, ProviderHttp, raise_if_unavailable, read_object, read_rows, read_text
from watcher.providers.toolkit.kind import Account, ProviderKind
from watcher.providers.toolkit.list_pages import PAGE_SIZE, listed, page_of, require_list

_VOLATILE = frozenset({"updated_at", "transactions"})
_UPDATED_AT = b"updated_at"
"""It can change without any other change, and stay the same with one."""


_PREFIX = "inv_"
_BASE_62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BITS, _ROTATED = 128, 67
"""The server rotates the 128 bits of a UUID to the left by this many before it writes them (its ids/macros.rs)."""

_UNSETTLED = (("DRAFT", "FINALIZED"), ("Draft", "Finalized"))
"""The statuses that the list is asked for, as newer and as older servers spell them. A finalized one may be paid
already.
"""


class Meteroid:
    """One tenant, which the key selects."""

    batch_size = 1
    lists_changes = False

    def __init__(self, account: Account, session: aiohttp.ClientSession, clock: Clock, _random: Random) -> None:
        self._http = ProviderHttp(session, account, clock)
        self._clock = clock
        self._headers = {"Authorization": f"Bearer {account.credentials['api_key']}"}
        self._unsettled = _UNSETTLED

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        async def ask(segment: str) -> Answer:
            return await self._http.request(limiter, "GET", f"/api/v1/invoices/{segment}", headers=self._headers)

        return await fetch_one(ids, self._clock, ask, read_result, known, volatile=_UPDATED_AT, canonical=canonical_id)

    async def list_page(
        self,
        page: str | None,
        limiter: RateLimiter,
        *,
        changed_since: datetime | None = None,  # noqa: ARG002  # the port's
    ) -> Page:
        number = int(page or 0)
        answer = await self._list(number, limiter)
        if answer.status == 400:  # noqa: PLR2004  # status codes are their own names
            self._unsettled = self._unsettled[::-1]
            answer = await self._list(number, limiter)
        return read_page(answer, number)

    async def _list(self, number: int, limiter: RateLimiter) -> Answer:
        # Without per_page the server pages by 25, and reports 10. Its default order is not the documented one.
        statuses = "".join(f"&statuses={word}" for word in self._unsettled[0])
        target = f"/api/v1/invoices?page={number}&per_page={PAGE_SIZE}&order_by=created_at.desc{statuses}"
        return await self._http.request(limiter, "GET", target, headers=self._headers)

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        # Without per_page the server pages by 25, and reports 10.
        answer = await self._http.request(limiter, "GET", "/api/v1/invoices?page=0&per_page=1", headers=self._headers)
        return read_probe(answer)

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:  # noqa: ARG002  # the port's
        return to_invoice(document)

    async def renew_token(self, limiter: RateLimiter) -> None:
        """Does nothing: a key does not end."""


KIND = ProviderKind(
    name="meteroid",
    credentials=("api_key",),
    base_url="https://api.meteroid.com",
    rate=5.0,
    build=Meteroid,
    hint_scheme=hint_scheme,
)


def canonical_id(invoice_id: str) -> object:
    """The number behind an id: the server accepts a UUID and `inv_` with its base 62, and answers with either."""
    if not invoice_id.startswith(_PREFIX):
        try:
            return UUID(invoice_id).int
        except ValueError:
            return invoice_id
    number = 0
    for digit in invoice_id.removeprefix(_PREFIX):
        place = _BASE_62.find(digit)
        if place < 0:
            return invoice_id
        number = number * 62 + place
    return (number >> _ROTATED | number << (_BITS - _ROTATED)) % (1 << _BITS) if number < 1 << _BITS else invoice_id


def read_result(answer: Answer) -> PollResult:
    """The result for one id.

    A 500 is raised as an outage: only a control request can show that it means a missing invoice.
    """
    raise_if_unavailable(answer)
    if answer.status < 300:  # noqa: PLR2004  # status codes are their own names
        document = read_object(answer)
        return _found(lambda: document, answer.body)
    words = _words_of(answer)
    if answer.status == 401:  # noqa: PLR2004  # same
        raise CredentialsRefused(words)
    if answer.status == 404:  # noqa: PLR2004  # same
        return Missing(words)
    return Failed(InvoiceRefused(words))


def read_page(answer: Answer, number: int) -> Page:
    """Read a page counted from 0; each row is a whole document with a fingerprint of its own text."""
    require_list(answer)
    try:
        envelope, items = read_rows(answer, "data")
    except InvalidAnswer as error:
        raise ListRefused(f"the list cannot be read: {error}") from error
    meta = envelope.get("pagination_meta")
    counts: Document = cast("Document", meta) if isinstance(meta, dict) else {}
    pages, total = counts.get("total_pages"), counts.get("total_items")
    more = number + 1 < pages if isinstance(pages, int) else len(items) >= PAGE_SIZE
    rows = [_listed(document, text) for document, text in items]
    following = str(number + 1) if more and items else None
    return page_of(answer, rows, following, total=total if isinstance(total, int) else None)


def _listed(document: Document, text: bytes) -> Listed | None:
    is_paid = word_key(str(document.get("payment_status"))) == "paid"
    is_settled = is_paid or word_key(str(document.get("status"))) in {"void", "uncollectible"}
    return listed(document, "id", is_settled=is_settled, result=_found(partial(read_text, text), text))


def _found(read: Callable[[], Document], text: bytes) -> Found:
    return Found(read, partial(documents.raw, body=text), _fingerprint, documents.digest(text, _UPDATED_AT))


def _fingerprint(document: Document) -> bytes:
    hashed = documents.without(document, _VOLATILE)
    hashed["transactions"] = documents.by_id(document.get("transactions"))
    return documents.fingerprint(hashed)


def to_invoice(document: Document) -> Invoice:
    """Read a document; partial payments that `ERRORED` and `PROCESSING` hide are found by the amounts."""
    wire = field_types.validated(MeteroidInvoice, document)
    status = _status(wire)
    amounts = (_amounts(wire, status),)
    failed = [row for row in wire.transactions if row.is_payment("failed")]
    last = max(failed, key=lambda row: (row.processed_at or _LONG_AGO, row.id or ""), default=None)
    return Invoice(
        id=wire.id,
        status=read_status(status, amounts),
        provider_status="/".join(
            field_values.screaming_snake(word) for word in (wire.status, wire.payment_status) if word
        ),
        amounts=amounts,
        # A payment moves its own time and leaves `updated_at`.
        revision=field_values.revision(wire.updated_at, *(row.processed_at for row in wire.transactions)),
        number=cut(wire.invoice_number, NAME_LENGTH),
        payment_pending=word_key(wire.payment_status) == "processing"
        or any(
            word_key(row.status) == "pending" and word_key(row.payment_type) != "refund" for row in wire.transactions
        ),
        failed_attempts=len(failed),
        last_payment_error=field_values.error_text(last.error) if last else None,
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
def _amounts(wire: MeteroidInvoice, status: Status) -> Amounts:
    def major(minor: Decimal) -> Decimal:
        return money.from_minor(minor, wire.currency)

    zero = major(Decimal(0))
    total, credited, due = major(wire.total), major(wire.applied_credits), major(wire.amount_due)
    received = total - credited - due
    settled = [row for row in wire.transactions if row.is_payment("settled")]
    explained = max(zero, sum((major(row.amount) - major(row.amount_reversed) for row in settled), zero))
    # While anything is due, the invoice's amounts limit what its transactions claim.
    bounded = min(explained, received) if settled else received
    paid = explained if due == 0 else max(zero, bounded)
    return Amounts(
        currency=wire.currency,
        total=total,
        paid=paid,
        due=zero if status in WITHOUT_DUE else max(zero, due),
        credited=credited + max(zero, received - paid),
        refunded=sum((major(row.amount_refunded) for row in wire.transactions), zero),
        written_off=max(zero, due) if status is Status.UNCOLLECTIBLE else zero,
        minor=not money.is_known(wire.currency),
    )


def _words_of(answer: Answer) -> str:
    refusal = error_object(answer)
    return f"HTTP {answer.status} {quoted(refusal.get('code'))}: {quoted(refusal.get('message'))}".rstrip(": ")
