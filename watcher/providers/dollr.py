"""Dollr: a JSON token call, then a bearer token; bare documents, major units, no partial payments, no failed status.

The token's lifetime is in minutes. A failed payment only shows as PROCESSING going back to ACTIVE.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import cast

import aiohttp

from watcher.clock import Clock, Random
from watcher.core import json_text, money
from watcher.core.errors import InvalidAnswer, InvoiceRefused, ListRefused
from watcher.core.invoices.invoice import Amounts, Invoice, Snapshot, Status, read_status
from watcher.core.json_text import Document
from watcher.ports import NOTHING_KNOWN, Failed, Fetched, Found, Known, Missing, Page, PollResult, RateLimiter
from watcher.providers.toolkit import documents, field_types, field_values
from watcher.providers.toolkit.access_token import Token, TokenKeeper, read_token
from watcher.providers.toolkit.fetch_one import error_object, fetch_one, read_probe
from watcher.providers.toolkit.field_values import NAME_LENGTH, cut, quoted, word_key
from watcher.providers.toolkit.http import Answer, ProviderHttp, raise_if_unavailable, read_object
from watcher.providers.toolkit.kind import Account, ProviderKind
from watcher.providers.toolkit.list_pages import listed, objects, page_of, require_list

_VOLATILE = frozenset({"updated_at", "counterparty", "invoice_items"})
"""The counterparty is a live record of its own; only its name is hashed. Items are hashed in a fixed order."""

_UNSETTLED: tuple[str, ...] = ("ACTIVE", "PROCESSING", "IDLE")
_OMITTED = frozenset({"line_count", "customer"})

_MARGIN = timedelta(minutes=5)
_USUAL_LIFETIME = timedelta(hours=1)


class InvoiceItem(field_types.Wire):
    id: field_types.Text = None
    name: field_types.Text = None
    currency: field_types.Text = None
    qty: field_types.Number = None
    amount: field_types.Number = None
    created_at: field_types.Instant = None
    updated_at: field_types.Instant = None


class Party(field_types.Wire):
    id: field_types.Text = None
    fullname: field_types.Text = None
    created_at: field_types.Instant = None
    updated_at: field_types.Instant = None
    email: field_types.Text = None
    phone: field_types.Text = None
    country_code: field_types.Text = None


class Counterparty(field_types.Wire):
    id: field_types.Text = None
    owner_party_type: field_types.Text = None
    owner_party_id: field_types.Text = None
    relationship_type: field_types.Text = None
    created_at: field_types.Instant = None
    updated_at: field_types.Instant = None
    party: field_types.Unused[Party] = None


class DollrInvoice(field_types.Wire):
    id: field_types.Identifier
    reference_id: field_types.Text = None
    invoice_number: field_types.Text = None
    counterparty_id: field_types.Text = None
    currency: field_types.Currency
    total_amount: field_types.Amount
    status: field_types.Word
    note: field_types.Text = None
    fee_bearer: field_types.Text = None
    due_date: field_types.Instant = None
    as_payment_link: field_types.Flag = None
    owner_id: field_types.Text = None
    owner_type: field_types.Text = None
    created_at: field_types.Instant = None
    updated_at: field_types.Instant = None
    paid_at: field_types.Instant = None
    invoice_items: field_types.Unused[tuple[field_types.Unused[InvoiceItem], ...]] = None
    counterparty: field_types.Unused[Counterparty] = None


class Dollr:
    """One merchant, identified by a client id and secret."""

    batch_size = 1
    lists_changes = False

    def __init__(self, account: Account, session: aiohttp.ClientSession, clock: Clock, _random: Random) -> None:
        self._http = ProviderHttp(session, account, clock)
        self._clock = clock
        self._token_request = json_text.write({key: account.credentials[key] for key in ("client_id", "client_secret")})
        self._token = TokenKeeper(self._fetch_token, clock, margin=_MARGIN)

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        async def ask(segment: str) -> Answer:
            return await self._ask(f"/v1/invoices/retrieve/{segment}", limiter)

        return await fetch_one(ids, self._clock, ask, read_result, known)

    async def list_page(
        self,
        page: str | None,
        limiter: RateLimiter,
        *,
        changed_since: datetime | None = None,  # noqa: ARG002  # the port's
    ) -> Page:
        status = page or _UNSETTLED[0]
        return read_list(await self._ask(f"/v1/invoices/list?status={status}", limiter), status)

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        # Lists have no pages; that of the drafts is the shortest.
        return read_probe(await self._ask("/v1/invoices/list?status=IDLE", limiter))

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:
        return to_invoice(document, before)

    async def renew_token(self, limiter: RateLimiter) -> None:
        await self._token.renew_if_ending(limiter)

    async def _ask(self, target: str, limiter: RateLimiter) -> Answer:
        """GET with the token; if the token is refused, once more with a new one."""
        request = partial(self._get, target, limiter)
        return await self._token.send(limiter, request, is_refused=_is_unauthenticated, explain=_words_of)

    async def _get(self, target: str, limiter: RateLimiter, token: str) -> Answer:
        return await self._http.request(limiter, "GET", target, headers={"Authorization": f"Bearer {token}"})

    async def _fetch_token(self, limiter: RateLimiter) -> Token:
        answer = await self._http.request(
            limiter,
            "POST",
            "/v1/jwt/client/obtain/token",
            headers={"Content-Type": "application/json"},
            body=self._token_request,
        )
        return read_token(answer, unit=timedelta(minutes=1), default=_USUAL_LIFETIME, explain=_words_of)


KIND = ProviderKind(
    name="dollr",
    credentials=("client_id", "client_secret"),
    base_url="https://api.heydollr.app",
    rate=2.0,
    build=Dollr,
)


def read_result(answer: Answer) -> PollResult:
    """The result for one id; expired tokens have been handled."""
    raise_if_unavailable(answer)
    if answer.status < 300:  # noqa: PLR2004  # status codes are their own names
        document = read_object(answer)
        return Found(lambda: document, partial(documents.raw, body=answer.body), _fingerprint)
    if answer.status == 404:  # noqa: PLR2004  # same
        return Missing(_words_of(answer))
    # 403 is a gated feature or an unverified account: a control request shows whether it is the whole account.
    return Failed(InvoiceRefused(_words_of(answer)))


def _fingerprint(document: Document) -> bytes:
    hashed = documents.without(document, _VOLATILE)
    hashed["invoice_items"] = documents.by_id(document.get("invoice_items"))
    hashed["counterparty"] = _party_name(document)
    return documents.fingerprint(hashed)


def read_list(answer: Answer, status: str) -> Page:
    """Read all invoices of one status: the list has no pages. Its rows lack items and counterparty."""
    require_list(answer)
    try:
        parsed = json_text.read(answer.body)
    except InvalidAnswer as error:
        raise ListRefused(f"the list cannot be read: {error}") from error
    rows = [
        listed(document, "id", is_settled=False, changed_at=field_values.instant(document.get("updated_at")))
        for document in objects(parsed)
    ]
    following = next((then for now, then in pairwise(_UNSETTLED) if now == status), None)
    return page_of(answer, rows, following, omits=_OMITTED)


def to_invoice(document: Document, before: Snapshot | None) -> Invoice:
    """Read a document. `before` shows whether a payment failed or never was."""
    wire = field_types.validated(DollrInvoice, document)
    key = word_key(wire.status)
    status = _STATUSES.get(key, Status.UNKNOWN)
    amounts = (_amounts(wire, status),)
    party = wire.counterparty.party if wire.counterparty else None
    return Invoice(
        id=wire.id,
        status=read_status(status, amounts),
        provider_status=wire.status,
        amounts=amounts,
        number=cut(wire.invoice_number, NAME_LENGTH),
        payment_pending=key == "processing",
        revision=field_values.revision(wire.updated_at),
        due=wire.due_date,
        created_at=wire.created_at,
        paid_at=wire.paid_at,
        customer_id=cut(wire.counterparty_id, NAME_LENGTH),
        customer_name=cut(party.fullname if party else None, NAME_LENGTH),
        line_count=len(wire.invoice_items or ()),
        payment_failed_inferred=key == "active"
        and before is not None
        and before.payment_pending
        and word_key(before.provider_status) == "processing",
    )


_STATUSES = {
    "idle": Status.DRAFT,
    "active": Status.OPEN,
    "processing": Status.OPEN,
    "paid": Status.PAID,
    "canceled": Status.VOID,
    "cancelled": Status.VOID,
}


def _amounts(wire: DollrInvoice, status: Status) -> Amounts:
    total, zero = money.from_major(wire.total_amount, wire.currency), money.from_major(0, wire.currency)
    return Amounts(
        currency=wire.currency,
        total=total,
        paid=total if status is Status.PAID else zero,
        due=zero if status in {Status.PAID, Status.VOID} else max(zero, total),
        credited=zero,
        refunded=zero,
        written_off=zero,
    )


def _party_name(document: Document) -> object:
    counterparty = document.get("counterparty")
    party = cast("Document", counterparty).get("party") if isinstance(counterparty, dict) else None
    return cast("Document", party).get("fullname") if isinstance(party, dict) else None


def _is_unauthenticated(answer: Answer) -> bool:
    """401, and the 403 that older FastAPI sends if the header is missing."""
    if answer.status == 403:  # noqa: PLR2004  # status codes are their own names
        detail = error_object(answer).get("detail")
        return isinstance(detail, str) and detail.strip().lower() == "not authenticated"
    return answer.status == 401  # noqa: PLR2004  # same


def _words_of(answer: Answer) -> str:
    """The wording of a refusal. `detail` is text, or for 422 a list of `{"loc", "msg"}`."""
    parsed = error_object(answer)
    detail = parsed.get("detail", parsed.get("message"))
    if isinstance(detail, list):
        rows = [cast("Document", row) for row in cast("list[object]", detail) if isinstance(row, dict)]
        detail = "; ".join(f"{_place(row.get('loc'))}: {row.get('msg')}" for row in rows[:5])
    return f"HTTP {answer.status}: {quoted(detail)}".rstrip(": ")


def _place(location: object) -> str:
    return ".".join(str(part) for part in cast("list[object]", location)) if isinstance(location, list) else "?"
