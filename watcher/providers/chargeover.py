"""ChargeOver: integer ids, money in major units, local times in the time zone of the account.

Its documents contain links and tokens that open or pay an invoice without login, and postal addresses.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import partial
from typing import cast
from urllib.parse import quote

import aiohttp

from watcher.clock import Clock, Random
from watcher.core import json_text, money
from watcher.core.errors import (
    CredentialsRefused,
    InvalidAnswer,
    InvoiceRefused,
    ListRefused,
    ProviderUnavailable,
    RateLimited,
)
from watcher.core.invoices.invoice import WITHOUT_DUE, Amounts, Invoice, Snapshot, Status, read_status
from watcher.core.json_text import Document
from watcher.ports import NOTHING_KNOWN, Failed, Fetched, Found, Known, Listed, Missing, Page, PollResult, RateLimiter
from watcher.providers.chargeover_hints import hint_scheme
from watcher.providers.chargeover_wire import BulkAnswer, ChargeOverInvoice, Envelope, local_time
from watcher.providers.toolkit.documents import fingerprint, raw, without
from watcher.providers.toolkit.fetch_batch import fetch_many, require_batch
from watcher.providers.toolkit.fetch_one import fetch_one, fetched, read_probe, refusal
from watcher.providers.toolkit.field_types import validated
from watcher.providers.toolkit.field_values import NAME_LENGTH, comes_twice, cut, revision, to_utc, word_key
from watcher.providers.toolkit.http import Answer, ProviderHttp, quote_id, raise_if_unavailable, read_object
from watcher.providers.toolkit.kind import Account, ProviderKind
from watcher.providers.toolkit.list_pages import PAGE_SIZE, listed, objects, page_of, require_list

_BATCH_SIZE = 25
_URL_LENGTH = 2000
_ZERO = Decimal(0)
_NO_SUCH_CALL = frozenset({400, 404, 405})

_UNMATCHED = "no row of the bulk answer is about this id"
_OPEN_WORDS = frozenset({"openunpaid", "openoverdue", "opencollections"})
"""Our own clock decides whether it is overdue, the amounts whether it is partly paid: no word says the latter."""

_ADDRESSES = ("bill_", "ship_")
_LINKS_KEPT = frozenset({"url_self"})
_VOLATILE = frozenset(
    {
        "admin_name",
        "currency_symbol",
        "days_overdue",
        "is_overdue",
        "mod_datetime",
        "overdue",
        "terms_name",
        "url_ttl_paylink",
    }
)
"""They change with every day, with every read, or because somebody renamed something."""


_OMITTED = frozenset({"line_count"})


class ChargeOver:
    """One account; its times are in the account's time zone, which the API does not name."""

    lists_changes = True

    def __init__(self, account: Account, session: aiohttp.ClientSession, clock: Clock, _random: Random) -> None:
        self._http = ProviderHttp(session, account, clock)
        self._clock = clock
        self._zone = account.timezone
        keys = f"{account.credentials['public_key']}:{account.credentials['private_key']}"
        self._headers = {"Authorization": f"Basic {b64encode(keys.encode()).decode()}"}
        self._has_batches = True

    @property
    def batch_size(self) -> int:
        return _BATCH_SIZE if self._has_batches else 1

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        ask_one = partial(self._ask_one, limiter, known)
        return await fetch_many(ids, self._clock, partial(self._ask_batch, limiter), ask_one)

    async def list_page(self, page: str | None, limiter: RateLimiter, *, changed_since: datetime | None = None) -> Page:
        offset = int(page or 0)
        if changed_since is None:
            where, order = "invoice_status_state:EQUALS:o", "invoice_id:ASC"
        else:
            local = changed_since.astimezone(self._zone).replace(tzinfo=None)
            where, order = f"mod_datetime:GTE:{local.isoformat(' ', 'seconds')}", "mod_datetime:DESC"
        query = f"where={quote(where, safe='')}&order={quote(order, safe='')}&limit={PAGE_SIZE}&offset={offset}"
        return read_page(await self._call(limiter, "GET", f"/invoice?{query}"), offset, self._zone)

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        answer = await self._call(limiter, "GET", "/invoice?limit=1")
        return read_probe(answer)

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:  # noqa: ARG002  # the port's
        return to_invoice(document, self._zone)

    async def renew_token(self, limiter: RateLimiter) -> None:
        """Does nothing: the keys do not end."""

    async def _ask_batch(self, limiter: RateLimiter, ids: Sequence[str]) -> Fetched | None:
        if not self._has_batches:
            return None
        targets = [self._http.path(f"/invoice/{quote_id(invoice_id)}") for invoice_id in ids]
        requests = [{"request_method": "GET", "uri": target, "payload": None} for target in targets]
        answer = await self._call(limiter, "POST", "/_bulk", json_text.write(requests))
        if answer.status in _NO_SUCH_CALL:
            self._has_batches = False
            return None
        return fetched(read_bulk(answer, ids), answer)

    async def _ask_one(self, limiter: RateLimiter, known: Known, invoice_id: str) -> Fetched:
        async def ask(segment: str) -> Answer:
            return await self._call(limiter, "GET", f"/invoice/{segment}")

        return await fetch_one((invoice_id,), self._clock, ask, read_result, known, id_field="invoice_id")

    async def _call(self, limiter: RateLimiter, method: str, target: str, body: bytes | None = None) -> Answer:
        headers = self._headers if body is None else self._headers | {"Content-Type": "application/json"}
        answer = await self._http.request(limiter, method, target, headers=headers, body=body)
        raise_if_unavailable(answer)
        if answer.status == 401:  # noqa: PLR2004  # status codes are their own names
            raise CredentialsRefused("HTTP 401")
        return answer


KIND = ProviderKind(
    name="chargeover",
    credentials=("public_key", "private_key"),
    base_url=None,
    rate=1.0,
    build=ChargeOver,
    batch_size=_BATCH_SIZE,
    timezone="America/Chicago",
    hint_scheme=hint_scheme,
)


def read_bulk(answer: Answer, ids: Sequence[str]) -> dict[str, PollResult]:
    """Give every id its result. A row with an invoice names its id; any other is known only by its position."""
    require_batch(answer)
    try:
        bulk_rows = validated(BulkAnswer, read_object(answer)).response.rows
    except InvalidAnswer as error:
        raise ProviderUnavailable(f"the bulk answer cannot be read: {error}") from error
    rows = [(_id_in(row), _evaluated(row)) for row in bulk_rows]
    results: dict[str, PollResult] = {invoice_id: Failed(InvalidAnswer(_UNMATCHED)) for invoice_id in ids}
    if len(rows) == len(ids) and all(row_id in {None, asked} for (row_id, _), asked in zip(rows, ids, strict=True)):
        return {asked: result for (_, result), asked in zip(rows, ids, strict=True)}
    return results | {row_id: result for row_id, result in rows if row_id in results}


def read_result(answer: Answer) -> PollResult:
    """The result for one id."""
    if (refused := refusal(answer)) is not None:
        return refused
    return _evaluated(validated(Envelope, read_object(answer)))


def read_page(answer: Answer, offset: int, zone: tzinfo) -> Page:
    """Read a page of overviews, which lack lines. The server decides how many rows a page can have.

    So a first page with fewer than were asked for may not be the last: only an empty one certainly is, or a later one
    that is shorter than those before.
    """
    require_list(answer)
    try:
        rows = [_listed(document, zone) for document in objects(validated(Envelope, read_object(answer)).response)]
    except InvalidAnswer as error:
        raise ListRefused(f"the list cannot be read: {error}") from error
    is_last = not rows or (offset and len(rows) < PAGE_SIZE and offset % len(rows))
    return page_of(answer, rows, None if is_last else str(offset + len(rows)), omits=_OMITTED)


def _listed(document: Document, zone: tzinfo) -> Listed | None:
    word = word_key(str(document.get("invoice_status_str")))
    is_settled = word.startswith("closed") or document.get("is_paid") is True or document.get("is_void") is True
    changed_at = to_utc(local_time(document.get("mod_datetime")), zone)
    return listed(_without_addresses(document), "invoice_id", is_settled=is_settled, changed_at=changed_at)


def _evaluated(row: Envelope | None) -> PollResult:
    if row is None:
        return Failed(InvalidAnswer("the row for this id cannot be read"))
    if row.code == 429:  # noqa: PLR2004  # status codes are their own names
        raise RateLimited("code 429 in an answer: too many requests")
    if row.code == 404:  # noqa: PLR2004  # same
        return Missing("code 404")
    if row.code not in {None, 200}:
        return Failed(InvoiceRefused(f"code {row.code} for this id"))
    if not isinstance(row.response, dict):
        return Failed(InvalidAnswer("field response holds no invoice"))
    document = _without_addresses(cast("Document", row.response))
    return Found(lambda: document, partial(raw, keep=_LINKS_KEPT), _fingerprint)


def _id_in(row: Envelope | None) -> str | None:
    if row is None or not isinstance(row.response, dict):
        return None
    found = cast("Document", row.response).get("invoice_id")
    return None if found is None else str(found)


def _without_addresses(document: Document) -> Document:
    return {key: value for key, value in document.items() if not key.startswith(_ADDRESSES)}


def _fingerprint(document: Document) -> bytes:
    hashed = without(document, _VOLATILE)
    schedule = document.get("schedule")
    if isinstance(schedule, list):
        rows = cast("list[object]", schedule)
        hashed["schedule"] = [
            without(cast("Document", row), _VOLATILE) if isinstance(row, dict) else row for row in rows
        ]
    return fingerprint(hashed)


def to_invoice(document: Document, zone: tzinfo) -> Invoice:
    """Times without offset are local times of `zone`."""
    wire = validated(ChargeOverInvoice, document)
    row = _row(wire)
    status = _status(wire, row)
    if status in WITHOUT_DUE:
        row = replace(row, due=money.from_major(0, row.currency))
    return Invoice(
        id=wire.invoice_id,
        status=read_status(status, (row,)),
        provider_status=wire.invoice_status_str,
        amounts=(row,),
        number=cut(wire.refnumber, NAME_LENGTH),
        failed_attempts=wire.declines,
        issued_on=wire.date,
        due=wire.due_date,
        created_at=to_utc(wire.write_datetime, zone),
        voided_at=to_utc(wire.void_datetime, zone),
        customer_id=cut(wire.customer_id, NAME_LENGTH),
        line_count=len(wire.line_items or ()),
        url=_web_link(wire.url_self),
        # A local time that comes twice, as summer time ends, says nothing: it may seem to go back.
        revision=None if comes_twice(wire.mod_datetime, zone) else revision(to_utc(wire.mod_datetime, zone)),
    )


def _row(wire: ChargeOverInvoice) -> Amounts:
    currency = wire.currency_iso4217
    return Amounts(
        currency=currency,
        total=money.from_major(wire.total, currency),
        paid=money.from_major(wire.payments, currency),
        due=money.from_major(max(_ZERO, wire.balance), currency),
        credited=money.from_major(wire.credits, currency),
        refunded=money.from_major(wire.refunds, currency),
        written_off=money.from_major(wire.writeoffs, currency),
    )


def _status(wire: ChargeOverInvoice, row: Amounts) -> Status:
    word = word_key(wire.invoice_status_str)
    if wire.is_void or word == "closedvoid":
        return Status.VOID
    if row.written_off > 0 and not row.due and row.paid < row.total:
        return Status.UNCOLLECTIBLE
    if wire.is_paid or word == "closedpaid":
        return Status.PAID
    is_open = word in _OPEN_WORDS or (not word and wire.invoice_status_state == "o")
    return Status.OPEN if is_open else Status.UNKNOWN


def _web_link(url: str | None) -> str | None:
    """None for anything but http and https: the page will show the link."""
    return url[:_URL_LENGTH] if url and url.lower().startswith(("https://", "http://")) else None
