"""Fragment ("Billing"): ids chosen by their owner, balances per currency in whole minor units, two spellings of keys.

Older deployments have no batch call, and the oldest no balances.
"""

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import aiohttp

from watcher.clock import Clock, Random
from watcher.core import json_text, money
from watcher.core.errors import InvalidAnswer, ListRefused, ProviderUnavailable
from watcher.core.invoices.invoice import SETTLED, Amounts, Direction, Invoice, Snapshot, Status, read_status
from watcher.core.json_text import Document
from watcher.ports import NOTHING_KNOWN, Failed, Fetched, Found, Known, Listed, Missing, Page, PollResult, RateLimiter
from watcher.providers.fragment_wire import (
    Balance,
    BatchAnswer,
    CurrencyBalances,
    FragmentInvoice,
    OneAnswer,
    SearchAnswer,
)
from watcher.providers.toolkit import documents
from watcher.providers.toolkit.access_token import Token, TokenKeeper, read_token
from watcher.providers.toolkit.fetch_batch import fetch_many, require_batch
from watcher.providers.toolkit.fetch_one import fetch_one, fetched, read_probe, refusal
from watcher.providers.toolkit.field_types import validated
from watcher.providers.toolkit.field_values import count, word_key
from watcher.providers.toolkit.http import (
    Answer,
    ProviderHttp,
    quote_id,
    raise_if_unavailable,
    read_object,
    read_rows,
    read_text,
)
from watcher.providers.toolkit.kind import Account, ProviderKind
from watcher.providers.toolkit.list_pages import PAGE_SIZE, listed, page_of, require_list

_BATCH_SIZE = 200
_LIFETIME = timedelta(hours=1)
_RENEWAL_MARGIN = timedelta(minutes=5)
_NO_SUCH_CALL = frozenset({404, 405})

_WORDS_WITHOUT_MEANING = frozenset({"", "active", "open"})
"""The status is deprecated: the amounts decide. A word that is not one of these claims what amounts cannot confirm."""

_UNMENTIONED = "the answer names it neither among the invoices nor among those not found"
_UNORDERED = frozenset({"balances", "payments", "users"})


class Fragment:
    """One workspace, which the client's credentials select."""

    lists_changes = False

    def __init__(self, account: Account, session: aiohttp.ClientSession, clock: Clock, _random: Random) -> None:
        self._http = ProviderHttp(session, account, clock)
        self._clock = clock
        self._token_url = account.options["token_url"]
        client = f"{account.credentials['client_id']}:{account.credentials['client_secret']}"
        self._client = b64encode(client.encode()).decode()
        self._tokens = TokenKeeper(self._fetch_token, clock, margin=_RENEWAL_MARGIN)
        self._has_batches = True

    @property
    def batch_size(self) -> int:
        return _BATCH_SIZE if self._has_batches else 1

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        ask_one = partial(self._ask_one, limiter, known)
        return await fetch_many(ids, self._clock, partial(self._ask_batch, limiter), ask_one)

    async def list_page(
        self,
        page: str | None,
        limiter: RateLimiter,
        *,
        changed_since: datetime | None = None,  # noqa: ARG002  # the port's
    ) -> Page:
        # Not with its filter for open ones: that turns paging off, and the answer has no limit.
        wanted = {"limit": PAGE_SIZE} | ({} if page is None else {"after": page})
        search = json_text.write({"filter": {}, "page_info": wanted})
        return read_page(await self._call(limiter, "POST", "/invoices/search", search))

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        search = json_text.write({"filter": {}, "page_info": {"limit": 1}})
        answer = await self._call(limiter, "POST", "/invoices/search", search)
        if answer.status in _NO_SUCH_CALL:  # servers older than the search
            answer = await self._call(limiter, "GET", "/invoices")
        return read_probe(answer)

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:
        return to_invoice(document, before)

    async def renew_token(self, limiter: RateLimiter) -> None:
        await self._tokens.renew_if_ending(limiter)

    async def _ask_batch(self, limiter: RateLimiter, ids: Sequence[str]) -> Fetched | None:
        if not self._has_batches:
            return None
        for invoice_id in ids:
            quote_id(invoice_id)  # it also refuses ids that no single call could ask for
        answer = await self._call(limiter, "POST", "/invoices/batch-get", json_text.write({"ids": list(ids)}))
        if answer.status in _NO_SUCH_CALL:
            self._has_batches = False
            return None
        return fetched(read_batch(answer, ids), answer)

    async def _ask_one(self, limiter: RateLimiter, known: Known, invoice_id: str) -> Fetched:
        async def ask(segment: str) -> Answer:
            return await self._call(limiter, "GET", f"/invoices/{segment}")

        return await fetch_one((invoice_id,), self._clock, ask, read_result, known)

    async def _call(self, limiter: RateLimiter, method: str, target: str, body: bytes | None = None) -> Answer:
        """Make one authorized call, with a new token if the first one was refused."""
        request = partial(self._send, limiter, method, target, body)
        answer = await self._tokens.send(limiter, request, is_refused=_is_unauthenticated, explain=_refusal)
        raise_if_unavailable(answer)
        return answer

    async def _send(self, limiter: RateLimiter, method: str, target: str, body: bytes | None, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return await self._http.request(limiter, method, target, headers=headers, body=body)

    async def _fetch_token(self, limiter: RateLimiter) -> Token:
        headers = {"Authorization": f"Basic {self._client}", "Content-Type": "application/x-www-form-urlencoded"}
        body = b"grant_type=client_credentials"
        answer = await self._http.request(limiter, "POST", "", headers=headers, body=body, url=self._token_url)
        return read_token(answer, unit=timedelta(seconds=1), default=_LIFETIME, explain=_refusal)


KIND = ProviderKind(
    name="fragment",
    credentials=("client_id", "client_secret"),
    base_url="https://api.us-west-2.fragment.dev/billing",
    rate=5.0,
    build=Fragment,
    batch_size=_BATCH_SIZE,
    options={"token_url": "https://auth.us-west-2.fragment.dev/oauth2/token"},
)


def _is_unauthenticated(answer: Answer) -> bool:
    return answer.status == 401  # noqa: PLR2004  # status codes are their own names


def _refusal(answer: Answer) -> str:
    return f"HTTP {answer.status}"


def read_batch(answer: Answer, ids: Sequence[str]) -> dict[str, PollResult]:
    """Give every id its result: the answer lists the invoices that it found, and the ids that it did not find."""
    require_batch(answer)
    try:
        envelope, items = read_rows(answer, "data", "invoices")
        batch = validated(BatchAnswer, envelope).data
    except InvalidAnswer as error:
        raise ProviderUnavailable(f"the batch answer cannot be read: {error}") from error
    results: dict[str, PollResult] = {invoice_id: Failed(InvalidAnswer(_UNMENTIONED)) for invoice_id in ids}
    results |= {invoice_id: Missing("not_found") for invoice_id in batch.not_found if invoice_id in results}
    listed = {str(document.get("id")): text for document, text in items}
    return results | {invoice_id: _found(text) for invoice_id, text in listed.items() if invoice_id in results}


def read_result(answer: Answer) -> PollResult:
    """The result for one id."""
    if (refused := refusal(answer)) is not None:
        return refused
    envelope = read_object(answer)
    document = validated(OneAnswer, envelope if "data" in envelope else {"data": envelope}).data
    return Found(lambda: document, documents.raw, _fingerprint)


def read_page(answer: Answer) -> Page:
    """Read a page of a search: whole documents, and the cursor of the next."""
    require_list(answer)
    try:
        envelope, items = read_rows(answer, "data", "invoices")
        info = validated(SearchAnswer, envelope).data.page_info
    except InvalidAnswer as error:
        raise ListRefused(f"the list cannot be read: {error}") from error
    rows = [_listed(document, text) for document, text in items]
    cursor = info.next_cursor if info else None
    return page_of(answer, rows, cursor if rows else None)


def _listed(document: Document, text: bytes) -> Listed | None:
    try:
        is_settled = to_invoice(document, None).status in SETTLED
    except InvalidAnswer:
        is_settled = False
    return listed(document, "id", is_settled=is_settled, result=_found(text))


def _found(text: bytes) -> Found:
    return Found(partial(read_text, text), documents.raw, _fingerprint, documents.digest(text))


def _fingerprint(document: Document) -> bytes:
    return documents.fingerprint(_steady("", document))


def _steady(key: str, value: object) -> object:
    """Bring every list whose order means nothing into one order, by the content of its items."""
    if isinstance(value, dict):
        return {name: _steady(name, member) for name, member in cast("Document", value).items()}
    if isinstance(value, list):
        items = [_steady("", item) for item in cast("list[object]", value)]
        return sorted(items, key=documents.fingerprint) if key in _UNORDERED else items
    return value


def to_invoice(document: Document, before: Snapshot | None) -> Invoice:
    """`before` distinguishes an invoice whose lines were all deleted (void) from one that has none yet (draft)."""
    wire = validated(FragmentInvoice, document)
    balances = [validated(CurrencyBalances, row) for row in wire.balances or ()]
    direction = _direction(balances, before)
    sides = tuple((row.currency, _side(row, direction)) for row in balances)
    line_count = len(wire.line_items or ())
    status = _status(tuple(side for _, side in sides), line_count, before)
    if wire.balances is None or word_key(wire.status) not in _WORDS_WITHOUT_MEANING:
        status = Status.UNKNOWN
    amounts = _amounts(sides, status)
    return Invoice(
        id=wire.id,
        status=read_status(status, amounts),
        provider_status=wire.status,
        amounts=amounts,
        direction=direction,
        created_at=wire.created,
        line_count=line_count,
        revision=None if wire.version is None else count(wire.version),
    )


def _direction(balances: Sequence[CurrencyBalances], before: Snapshot | None) -> Direction:
    if any(row.payins.expected for row in balances):
        return Direction.RECEIVABLE
    if any(row.payouts.expected for row in balances):
        return Direction.PAYABLE
    return before.direction if before else Direction.RECEIVABLE


def _side(row: CurrencyBalances, direction: Direction) -> Balance:
    return row.payins if direction is Direction.RECEIVABLE else row.payouts


def _status(sides: Sequence[Balance], line_count: int, before: Snapshot | None) -> Status:
    if not any(side.expected for side in sides):
        if before is not None and (before.status is Status.VOID or any(row.total > 0 for row in before.amounts)):
            return Status.VOID
        if not line_count and (before is None or not before.line_count):
            return Status.DRAFT
    return Status.PAID if all(side.remaining <= 0 for side in sides) else Status.OPEN


def _amounts(sides: Sequence[tuple[str, Balance]], status: Status) -> tuple[Amounts, ...]:
    rows = {currency: _row(currency, side, status) for currency, side in sides}
    if len(rows) != len(sides):
        raise InvalidAnswer("field balances cannot be read: it names one currency twice")
    return tuple(rows[currency] for currency in sorted(rows))


def _row(currency: str, side: Balance, status: Status) -> Amounts:
    nothing = money.from_minor(0, currency)
    return Amounts(
        currency=currency,
        total=money.from_minor(side.expected, currency),
        paid=money.from_minor(side.actual, currency),
        due=nothing if status is Status.VOID else max(nothing, money.from_minor(side.remaining, currency)),
        credited=nothing,
        refunded=nothing,
        written_off=nothing,
        minor=not money.is_known(currency),
    )
