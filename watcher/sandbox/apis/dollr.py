"""Dollr: a JSON token call with a lifetime in minutes, invoices by id, a plain list, a light status call."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, cast

from aiohttp import hdrs, web

from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.sandbox.apis import dollr_wire
from watcher.sandbox.apis.api import Api, bearer, same
from watcher.sandbox.apis.wire_json import answer, answer_bytes, encode
from watcher.sandbox.bill import Bill, number_of

TOKEN_PATH = "/v1/jwt/client/obtain/token"  # noqa: S105 - a path, no password
_JWT_HEAD = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
_WORDS = {
    401: "Could not validate credentials",
    403: "Not authenticated",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too many requests",
}


class DollrApi(Api):
    provider: ClassVar[str] = "dollr"
    open_paths: ClassVar[frozenset[str]] = frozenset({TOKEN_PATH})

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.post(TOKEN_PATH, self._token),
            web.get("/v1/invoices/retrieve/number/{number}", self._get_by_number),
            web.get("/v1/invoices/retrieve/{id}", self._get),
            web.get("/v1/invoices/list", self._list),
            web.get("/v1/status/source", self._status),
        )

    def refusal(self, request: web.Request) -> web.Response | None:
        if hdrs.AUTHORIZATION not in request.headers:
            return self._refuse(403 if self.traps.dollr.anonymous_is_403 else 401, "Not authenticated")
        token = bearer(request)
        known = token is not None and self.tokens.accept(token.rpartition(".")[2])
        return None if known else self.trouble(401)

    def trouble(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        return self._refuse(status, _WORDS.get(status, "Internal Server Error"), headers)

    def _refuse(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
        if self.traps.dollr.detail_as_list:
            return answer({"detail": [{"loc": ["request"], "msg": detail, "type": "error"}]}, status, headers)
        return answer({"detail": detail}, status, headers)

    async def _token(self, request: web.Request) -> web.Response:
        given = await _credentials(request)
        if given is None:
            return _unprocessable("body", "client_id", "Field required")
        if not (same(given[0], self.keys["client_id"]) and same(given[1], self.keys["client_secret"])):
            return self.trouble(401)
        lifetime = self.traps.dollr.token_lifetime
        token = f"{_JWT_HEAD}.e30.{self.tokens.issue(lifetime)}"
        return answer({"access_token": token, "expires_in": -(-int(lifetime.total_seconds()) // 60)})

    async def _get(self, request: web.Request) -> web.Response:
        bill_id = request.match_info["id"]
        if not bill_id.isdecimal():
            return _unprocessable("path", "id", "Input should be a valid integer")
        return self._invoice(self.ledger.find(self.provider, str(int(bill_id))))

    async def _get_by_number(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        bills = self.ledger.listed(self.provider)
        return self._invoice(next((bill for bill in bills if number_of(bill) == number), None))

    def _invoice(self, bill: Bill | None) -> web.Response:
        if bill is None:
            return self._refuse(404, "Invoice not found")
        traps = self.traps.dollr
        return answer_bytes(self.drawn(bill, lambda each: encode(dollr_wire.invoice(each, traps)), traps))

    async def _list(self, request: web.Request) -> web.Response:
        """Everything at once: the service documents no paging."""
        currency, status = request.query.get("currency"), request.query.get("status")
        traps = self.traps.dollr
        return answer(
            [
                dollr_wire.row(bill, traps)
                for bill in self.ledger.listed(self.provider)
                if currency in {None, bill.currency} and status in {None, dollr_wire.status(bill)}
            ]
        )

    async def _status(self, request: web.Request) -> web.Response:
        bill_id = request.query.get("source_id", "")
        if request.query.get("source_type") != "INVOICE" or not bill_id.isdecimal():
            return _unprocessable("query", "source_id", "Input should be a valid integer")
        bill = self.ledger.find(self.provider, str(int(bill_id)))
        if bill is None:
            return self._refuse(404, "Source not found")
        return answer(dollr_wire.light(bill, self.traps.dollr))


async def _credentials(request: web.Request) -> tuple[str, str] | None:
    if request.content_type != "application/json":
        return None
    try:
        body = json_text.read(await request.read())
    except InvalidAnswer:
        return None
    if not isinstance(body, dict):
        return None
    fields = cast("dict[str, object]", body)
    client, secret = fields.get("client_id"), fields.get("client_secret")
    return (client, secret) if isinstance(client, str) and isinstance(secret, str) else None


def _unprocessable(where: str, field: str, message: str) -> web.Response:
    return answer({"detail": [{"loc": [where, field], "msg": message, "type": "value_error"}]}, 422)
