"""Meteroid: a static bearer key, invoices by id, pages counted from 0."""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from aiohttp import hdrs, web

from watcher.sandbox.apis import meteroid_wire
from watcher.sandbox.apis.api import Api, same
from watcher.sandbox.apis.wire_json import answer, answer_bytes, encode
from watcher.sandbox.bill import Bill

_ID = re.compile(r"inv_[0-9A-Za-z]+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STATUSES = ("DRAFT", "FINALIZED", "UNCOLLECTIBLE", "VOID", "CLOSED")
_MAX_PER_PAGE = 100
_UNSAID_ROWS = 25
_UNREPORTED_SIZE = 10
"""Without `per_page`, pages have more rows than the answer says."""
_WORDS = {
    400: ("BAD_REQUEST", "Bad request"),
    401: ("UNAUTHORIZED", "Invalid or missing Authorization header"),
    403: ("FORBIDDEN", "Forbidden"),
    404: ("NOT_FOUND", "Resource not found"),
    429: ("TOO_MANY_REQUESTS", "Too many requests"),
    500: ("INTERNAL_SERVER_ERROR", "Internal server error. Please refer to logs or support."),
}


class MeteroidApi(Api):
    provider: ClassVar[str] = "meteroid"

    def routes(self) -> Iterable[web.RouteDef]:
        return (web.get("/api/v1/invoices/{id}", self._get), web.get("/api/v1/invoices", self._list))

    def refusal(self, request: web.Request) -> web.Response | None:
        header = request.headers.get(hdrs.AUTHORIZATION, "")
        key = self.keys["api_key"]
        if header == f"Bearer {key}":
            return None
        if not header.startswith("Bearer "):
            return self._unauthorized("Invalid or missing Authorization header")
        given, slash, account = header.removeprefix("Bearer ").partition("/")
        if not slash or not given.startswith("pv_"):
            return self._unauthorized("Invalid API key format")
        if not same(account, key.partition("/")[2]):
            return self._unauthorized("Failed to resolve api key")
        return self._unauthorized("Unauthorized. Invalid hash")

    def trouble(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        code, message = _WORDS.get(status, _WORDS[500])
        return answer({"code": code, "message": message}, status, headers)

    def _unauthorized(self, message: str) -> web.Response:
        return answer({"code": "UNAUTHORIZED", "message": message}, 401)

    async def _get(self, request: web.Request) -> web.Response:
        bill_id = request.match_info["id"]
        if _ID.fullmatch(bill_id) is None:
            return web.Response(status=400, text=f"Invalid URL: Cannot parse `invoice_id` with value `{bill_id}`")
        bill = self.ledger.find(self.provider, bill_id)
        if bill is not None:
            return answer_bytes(self._bytes(bill))
        return self.trouble(500 if self.traps.meteroid.missing_is_500 else 404)

    async def _list(self, request: web.Request) -> web.Response:
        try:
            page = int(request.query.get("page", "0"))
            asked = int(request.query["per_page"]) if "per_page" in request.query else None
            wanted = self._statuses(request)
        except ValueError as error:
            return _bad_query(str(error))
        if page < 0 or (asked is not None and not 1 <= asked <= _MAX_PER_PAGE):
            return _bad_query("page or per_page out of range")
        rows = asked or _UNSAID_ROWS
        bills = self._select(request, wanted)
        meta = {
            "page": page,
            "per_page": asked or _UNREPORTED_SIZE,
            "total_items": len(bills),
            "total_pages": -(-len(bills) // rows),
        }
        found = b",".join(map(self._bytes, bills[page * rows : (page + 1) * rows]))
        return answer_bytes(b'{"data":[' + found + b'],"pagination_meta":' + encode(meta) + b"}")

    def _statuses(self, request: web.Request) -> set[str]:
        spelling = {meteroid_wire.spelled(word, self.traps.meteroid): word for word in _STATUSES}
        given = request.query.getall("statuses", [])
        unknown = next((word for word in given if word not in spelling), None)
        if unknown is not None:
            raise ValueError(f"unknown variant `{unknown}`, expected one of {', '.join(spelling)}")
        return {spelling[word] for word in given}

    def _select(self, request: web.Request, statuses: set[str]) -> list[Bill]:
        """Newest first, as the server does it and not as its documentation says."""
        subscription = request.query.get("subscription_id")
        customer = request.query.get("customer_id")
        traps = self.traps.meteroid
        chosen: list[Bill] = []
        for bill in self.ledger.listed(self.provider):
            if statuses and meteroid_wire.status(bill, traps) not in statuses:
                continue
            if bill.consolidated and subscription is None:
                continue
            if subscription is not None or customer is not None:
                document = meteroid_wire.invoice(bill, traps)
                if (subscription or document["subscription_id"]) != document["subscription_id"]:
                    continue
                if (customer or document["customer_id"]) != document["customer_id"]:
                    continue
            chosen.append(bill)
        return chosen if request.query.get("order_by") == "created_at.asc" else chosen[::-1]

    def _bytes(self, bill: Bill) -> bytes:
        traps = self.traps.meteroid
        return self.drawn(bill, lambda each: encode(meteroid_wire.invoice(each, traps)), traps)


def _bad_query(reason: str) -> web.Response:
    return web.Response(status=400, text=f"Failed to deserialize query string: {reason}")
