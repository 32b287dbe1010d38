"""Stripe: a bearer key (or Basic with the key as user), a pinned version, lists by cursor, errors in one envelope."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from itertools import count
from typing import ClassVar

from aiohttp import web

from watcher.sandbox.apis import stripe_wire
from watcher.sandbox.apis.api import Api, Books, basic, bearer, same
from watcher.sandbox.apis.fixed_window import FixedWindow
from watcher.sandbox.apis.stripe_wire import Drawing
from watcher.sandbox.apis.wire_json import answer, answer_bytes, encode
from watcher.sandbox.bill import Bill, derived

DEFAULT_VERSION = "2026-10-28.endive"
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")
_MAX_LIMIT = 100
_MOST_LEVELS = 4
_PAYMENTS = "payments"
_INTENTS = "payments.data.payment.payment_intent"
_STATUSES = ("draft", "open", "paid", "uncollectible", "void")
_FILTERS = frozenset({"status", "customer", "collection_method"})
_PARAMETERS = _FILTERS | {"limit", "starting_after", "ending_before", "expand[]", "expand"}
_LINKS_LAST = timedelta(hours=1)
_WORDS = {
    401: "Invalid API Key provided",
    404: "Unrecognized request URL",
    405: "Unrecognized request URL",
    429: "Request rate limit exceeded.",
}


class BadRequest(Exception):
    """The arguments are the parameter and what is wrong with it."""

    def __init__(self, parameter: str, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.error = {"type": "invalid_request_error", "message": message, "param": parameter}
        if code is not None:
            self.error |= {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}


class StripeApi(Api):
    provider: ClassVar[str] = "stripe"

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._second = FixedWindow(timedelta(seconds=1))
        self._numbers = count(1)

    def routes(self) -> Iterable[web.RouteDef]:
        return (web.get("/v1/invoices/{id}", self._get), web.get("/v1/invoices", self._list))

    def refusal(self, request: web.Request) -> web.Response | None:
        key = bearer(request) or (basic(request) or "").partition(":")[0]
        if not key:
            return _error(401, {"type": "invalid_request_error", "message": "You did not provide an API key."})
        if not same(key, self.keys["api_key"]):
            shown = f"{_WORDS[401]}: {key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}"
            return _error(401, {"type": "invalid_request_error", "message": shown})
        limit = self.traps.stripe.requests_per_second
        if limit is not None and self._second.count(self.clock.now()) > limit:
            return self.trouble(429)
        version = request.headers.get("Stripe-Version", DEFAULT_VERSION)
        if _VERSION.fullmatch(version) is None:
            message = f"Invalid Stripe API version: {version}"
            return _error(400, {"type": "invalid_request_error", "message": message})
        return None

    def trouble(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            error = {"type": "invalid_request_error", "code": "rate_limit", "message": _WORDS[429]}
            return _error(429, error, {"Stripe-Rate-Limited-Reason": "global-rate", **(headers or {})})
        kind = "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
        return _error(status, {"type": kind, "message": _WORDS.get(status, "Something went wrong.")}, headers)

    def own_headers(self, request: web.Request, status: int) -> Mapping[str, str]:
        del status
        return {
            "Request-Id": f"req_{derived(self.provider, 'request', next(self._numbers), length=14)}",
            "Stripe-Version": request.headers.get("Stripe-Version", DEFAULT_VERSION),
        }

    async def _get(self, request: web.Request) -> web.Response:
        bill_id = request.match_info["id"]
        bill = self.ledger.find(self.provider, bill_id)
        try:
            expanded = _expanded(request, prefix="")
        except BadRequest as error:
            return _error(400, error.error)
        if bill is None:
            missing = BadRequest("invoice", f"No such invoice: '{bill_id}'", "resource_missing")
            return _error(404, missing.error)
        return answer_bytes(self._bytes(bill, expanded))

    async def _list(self, request: web.Request) -> web.Response:
        """Newest first."""
        try:
            _require_known(request)
            expanded = _expanded(request, prefix="data.")
            limit = _limit(request)
            bills = self._selected(request)
            page, has_more = _page(request, bills, limit)
        except BadRequest as error:
            return _error(400, error.error)
        rows = b",".join(self._bytes(bill, expanded) for bill in page)
        return answer_bytes(
            b'{"object":"list","data":[%b],"has_more":%b,"url":"/v1/invoices"}' % (rows, encode(has_more))
        )

    def _selected(self, request: web.Request) -> list[Bill]:
        wanted = {name: request.query[name] for name in _FILTERS if name in request.query}
        if wanted.get("status", "open") not in _STATUSES:
            raise BadRequest("status", f"Invalid status: must be one of {', '.join(_STATUSES)}")
        bills = list(self.ledger.listed(self.provider))[::-1]
        if set(wanted) <= {"status"}:
            return [
                bill for bill in bills if wanted.get("status", stripe_wire.status(bill)) == stripe_wire.status(bill)
            ]
        drawn = ((bill, self._drawing(bill).invoice()) for bill in bills)
        return [bill for bill, document in drawn if wanted.items() <= document.items()]

    def _drawing(self, bill: Bill) -> Drawing:
        now = self.clock.now()
        moved = (
            next(self._numbers) if self.traps.stripe.restless else int(now.timestamp() / _LINKS_LAST.total_seconds())
        )
        link = base64.urlsafe_b64encode(derived(bill.provider, bill.id, moved).encode()).decode().rstrip("=")
        return Drawing.of(bill, now, link)

    def _bytes(self, bill: Bill, expanded: frozenset[str]) -> bytes:
        drawing = self._drawing(bill)

        def draw(_: Bill) -> bytes:
            document = drawing.invoice()
            if expanded:
                document[_PAYMENTS] = drawing.payments(expanded=_INTENTS in expanded)
            return encode(document)

        return self.drawn(bill, draw, drawing.delivered_at, drawing.link, expanded)


def _require_known(request: web.Request) -> None:
    for name in request.query:
        if name not in _PARAMETERS:
            raise BadRequest(name, f"Received unknown parameter: {name}", "parameter_unknown")


def _expanded(request: web.Request, *, prefix: str) -> frozenset[str]:
    """What is expanded of each invoice. Raises BadRequest."""
    paths = [path for key in ("expand[]", "expand[0]") for path in request.query.getall(key, [])]
    found: set[str] = set()
    for path in paths:
        if path.count(".") >= _MOST_LEVELS:
            raise BadRequest("expand", f"You cannot expand more than {_MOST_LEVELS} levels of a property: {path}.")
        inner = path.removeprefix(prefix)
        if not path.startswith(prefix) or inner not in {_PAYMENTS, _INTENTS, "customer"}:
            raise BadRequest("expand", f"This property cannot be expanded ({path}).")
        found.add(inner)
    return frozenset(found - {"customer"})


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", "10")
    if not text.isdecimal():
        raise BadRequest("limit", f"Invalid integer: {text}", "parameter_invalid_integer")
    if not 1 <= int(text) <= _MAX_LIMIT:
        raise BadRequest("limit", f"Invalid integer: it must be from 1 to {_MAX_LIMIT}", "parameter_invalid_integer")
    return int(text)


def _page(request: web.Request, bills: Sequence[Bill], limit: int) -> tuple[Sequence[Bill], bool]:
    """The page and whether there are more in its direction. Raises BadRequest for a cursor that is no invoice."""
    places = {bill.id: place for place, bill in enumerate(bills)}
    after, before = request.query.get("starting_after"), request.query.get("ending_before")
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor is not None and cursor not in places:
            raise BadRequest(name, f"No such invoice: '{cursor}'", "resource_missing")
    if before is not None:
        end = places[before]
        start = max(0, end - limit)
        return bills[start:end], start > 0
    start = 0 if after is None else places[after] + 1
    return bills[start : start + limit], start + limit < len(bills)


def _error(status: int, error: Mapping[str, object], headers: Mapping[str, str] | None = None) -> web.Response:
    return answer({"error": error}, status, headers)
