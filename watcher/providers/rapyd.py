"""Rapyd: every request is signed; documents are in an envelope; major units; Unix seconds, with 0 for none.

The status line cannot be trusted: the envelope's error code says what happened, and an id of another environment is a
401.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

import aiohttp

from watcher.clock import Clock, Random
from watcher.core import money
from watcher.core.errors import CredentialsRefused, InvalidAnswer, InvoiceRefused, ListRefused, ProviderUnavailable
from watcher.core.invoices.invoice import (
    SETTLED,
    WITHOUT_DUE,
    Amounts,
    Direction,
    Invoice,
    Snapshot,
    Status,
    read_status,
)
from watcher.core.json_text import Document
from watcher.ports import NOTHING_KNOWN, Failed, Fetched, Found, Known, Listed, Missing, Page, PollResult, RateLimiter
from watcher.providers.rapyd_hints import hint_scheme
from watcher.providers.rapyd_wire import EnvelopeStatus, Payment, RapydInvoice
from watcher.providers.toolkit import documents, field_types, field_values
from watcher.providers.toolkit.fetch_one import error_object, fetch_one, read_probe
from watcher.providers.toolkit.field_values import NAME_LENGTH, cut, quoted, word_key
from watcher.providers.toolkit.http import Answer, ProviderHttp, quote_id, raise_if_unavailable, read_object
from watcher.providers.toolkit.kind import Account, ProviderKind
from watcher.providers.toolkit.list_pages import PAGE_SIZE, listed, objects, page_of

_BLOCKED_FOR = timedelta(minutes=5)
"""How long the account is blocked after 1,000 requests in five minutes; the 429 itself does not say."""

_VOLATILE = frozenset({"payment", "lines"})
_OPERATION_ID = b"operation_id"
"""Every call has its own."""
_FOR_ONE_ID = "UNAUTHORIZED_API_CALL"
"""An id that is unknown in this environment, or somebody else's: neither a miss nor a problem of the credentials."""
_FOR_THE_ACCOUNT = frozenset({"UNAUTHENTICATED_API_CALL", "MISSING_AUTHENTICATION_HEADERS"})


class Rapyd:
    """One account in one environment, production or sandbox, which the base URL selects."""

    batch_size = 1
    lists_changes = False

    def __init__(self, account: Account, session: aiohttp.ClientSession, clock: Clock, random: Random) -> None:
        self._http = ProviderHttp(session, account, clock)
        self._clock = clock
        self._random = random
        self._access_key = account.credentials["access_key"]
        self._secret_key = account.credentials["secret_key"]

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        async def ask(segment: str) -> Answer:
            return await self._ask(f"/v1/invoices/{segment}", limiter)

        return await fetch_one(ids, self._clock, ask, read_result, known, volatile=_OPERATION_ID)

    async def list_page(
        self,
        page: str | None,
        limiter: RateLimiter,
        *,
        changed_since: datetime | None = None,  # noqa: ARG002  # the port's
    ) -> Page:
        behind = "" if page is None else f"&starting_after={quote_id(page)}"
        return read_page(await self._ask(f"/v1/invoices?limit={PAGE_SIZE}{behind}", limiter))

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        answer = await self._ask("/v1/invoices?limit=1", limiter)
        raise_if_unavailable(answer, default_wait=_BLOCKED_FOR)
        envelope = _envelope(error_object(answer))
        if not _is_refused(answer, envelope):
            return read_probe(answer)
        if answer.status in {401, 403} or envelope.code in _FOR_THE_ACCOUNT:
            raise CredentialsRefused(_words_of(answer, envelope))
        raise ProviderUnavailable(f"the control request failed: {_words_of(answer, envelope)}")

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:  # noqa: ARG002  # the port's
        return to_invoice(document)

    async def renew_token(self, limiter: RateLimiter) -> None:
        """Does nothing: each request is signed anew."""

    async def _ask(self, target: str, limiter: RateLimiter) -> Answer:
        path = self._http.path(target)
        # Signed after the wait for the send instant: a signature is valid for one minute only.
        return await self._http.request(limiter, "GET", target, headers=lambda: self._signed("get", path))

    def _signed(self, method: str, path: str) -> Mapping[str, str]:
        salt = f"{int(self._random() * 16**12):012x}"
        timestamp = str(int(self._clock.now().timestamp()))
        return {
            "Content-Type": "application/json",
            "access_key": self._access_key,
            "salt": salt,
            "timestamp": timestamp,
            "signature": signature(
                method, path, salt=salt, timestamp=timestamp, access_key=self._access_key, secret_key=self._secret_key
            ),
        }


KIND = ProviderKind(
    name="rapyd",
    credentials=("access_key", "secret_key"),
    base_url="https://api.rapyd.net",
    rate=3.0,
    build=Rapyd,
    hint_scheme=hint_scheme,
    hints_need_secret=False,
    hints_cover_url=True,
)


def signature(method: str, path: str, *, salt: str, timestamp: str, access_key: str, secret_key: str) -> str:
    """Sign a request without a body: the base64 of the *hex* digest, so always 88 characters.

    `method` is in lower case; `path` is everything after the host to the end of the query, exactly as sent.
    """
    message = f"{method}{path}{salt}{timestamp}{access_key}{secret_key}".encode()
    digest = hmac.new(secret_key.encode(), message, hashlib.sha256).hexdigest()
    return base64.b64encode(digest.encode()).decode()


def read_result(answer: Answer) -> PollResult:
    """The result for one id by the envelope; by the status line only if there is no code."""
    raise_if_unavailable(answer, default_wait=_BLOCKED_FOR)
    answered = read_object(answer) if answer.status < 300 else error_object(answer)  # noqa: PLR2004  # status codes
    envelope = _envelope(answered)
    if not _is_refused(answer, envelope):
        return _found(answered.get("data"))
    words = _words_of(answer, envelope)
    if envelope.code == "ERROR_GET_INVOICE" or answer.status == 404:  # noqa: PLR2004  # same
        return Missing(words)
    if envelope.code in _FOR_THE_ACCOUNT or (answer.status == 401 and envelope.code != _FOR_ONE_ID):  # noqa: PLR2004
        raise CredentialsRefused(words)
    return Failed(InvoiceRefused(words))


def read_page(answer: Answer) -> Page:
    """Read a page of invoices in any state; a short one is the last, and the next begins after its last row."""
    raise_if_unavailable(answer, default_wait=_BLOCKED_FOR)
    try:
        answered = read_object(answer) if answer.status < 300 else error_object(answer)  # noqa: PLR2004  # status codes
    except InvalidAnswer as error:
        raise ListRefused(f"the list cannot be read: {error}") from error
    envelope = _envelope(answered)
    if _is_refused(answer, envelope):
        words = _words_of(answer, envelope)
        raise (CredentialsRefused if envelope.code in _FOR_THE_ACCOUNT else ListRefused)(words)
    rows = [_listed(document) for document in objects(answered.get("data"))]
    last = rows[-1] if len(rows) >= PAGE_SIZE else None
    return page_of(answer, rows, last.invoice_id if last else None)


def _listed(document: Document) -> Listed | None:
    status = _STATUSES.get(word_key(str(document.get("status"))), Status.UNKNOWN)
    return listed(document, "id", is_settled=status in SETTLED, result=_found(document))


def to_invoice(document: Document) -> Invoice:
    """Read the document inside the envelope; of the embedded payment, only what an invoice needs."""
    wire = field_types.validated(RapydInvoice, document)
    status = _STATUSES.get(word_key(wire.status), Status.UNKNOWN)
    amounts = (_amounts(wire, status),)
    payment = wire.payment or Payment()
    is_fine = status is Status.PAID or word_key(payment.status) in {"act", "clo"}
    return Invoice(
        id=wire.id,
        status=read_status(status, amounts),
        provider_status=wire.status,
        amounts=amounts,
        number=cut(wire.number, NAME_LENGTH),
        payment_pending=word_key(payment.status) == "act" and not payment.paid and status is not Status.PAID,
        failed_attempts=max(0, wire.attempt_count - is_fine),
        last_payment_error=_payment_error(payment),
        direction=Direction.PAYABLE if word_key(wire.type) == "payout" else Direction.RECEIVABLE,
        due=wire.due_date,
        created_at=wire.created_at,
        paid_at=payment.paid_at,
        customer_id=cut(wire.customer, NAME_LENGTH),
        line_count=len(wire.lines or ()),
    )


_STATUSES = {
    "draft": Status.DRAFT,
    "open": Status.OPEN,
    "paid": Status.PAID,
    "void": Status.VOID,
    "uncollectible": Status.UNCOLLECTIBLE,
    "deleted": Status.DELETED,
    "canceled": Status.DELETED,
    "cancelled": Status.DELETED,
}


@money.exact
def _amounts(wire: RapydInvoice, status: Status) -> Amounts:
    def positive(major: Decimal) -> Decimal:
        number = money.from_major(major, wire.currency)
        return number.copy_abs() if word_key(wire.type) == "payout" else number

    zero, total = positive(Decimal(0)), positive(wire.total)
    payment = wire.payment or Payment()
    if payment.currency_code not in {None, wire.currency}:
        payment = Payment()  # its amounts are in another currency
    partial = positive(payment.amount) if payment.paid else zero
    paid = total if status is Status.PAID else partial
    unpaid = max(zero, total - paid)
    return Amounts(
        currency=wire.currency,
        total=total,
        paid=paid,
        due=zero if status in WITHOUT_DUE else unpaid,
        credited=zero,
        refunded=positive(payment.refunded_amount),
        written_off=unpaid if status is Status.UNCOLLECTIBLE else zero,
    )


def _payment_error(payment: Payment) -> str | None:
    code = payment.failure_code or payment.error_code
    return cut(code, field_values.ERROR_LENGTH) or field_values.error_text(payment.failure_message)


def _found(document: object) -> Found:
    if not isinstance(document, dict):
        raise InvalidAnswer("data: an object is expected")
    whole = cast("Document", document)
    return Found(lambda: whole, documents.raw, _fingerprint)


def _fingerprint(document: Document) -> bytes:
    hashed = documents.without(document, _VOLATILE)
    hashed["lines"] = documents.by_id(document.get("lines"))
    payment = document.get("payment")
    if isinstance(payment, dict):
        seen = cast("Document", payment)
        payment = {key: seen[key] for key in seen.keys() & Payment.model_fields.keys()}
    hashed["payment"] = payment
    return documents.fingerprint(hashed)


def _envelope(answered: Document) -> EnvelopeStatus:
    status = answered.get("status")
    return (
        field_types.validated(EnvelopeStatus, cast("Document", status))
        if isinstance(status, dict)
        else EnvelopeStatus()
    )


def _is_refused(answer: Answer, envelope: EnvelopeStatus) -> bool:
    return answer.status >= 300 or word_key(envelope.status or "") == "error"  # noqa: PLR2004  # status codes


def _words_of(answer: Answer, envelope: EnvelopeStatus) -> str:
    return f"HTTP {answer.status} {quoted(envelope.code)}: {quoted(envelope.message)}".rstrip(": ")
