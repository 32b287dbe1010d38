"""ChargeOver: HTTP Basic, one envelope for everything, lists with `where`, `_count`, `_bulk` of 25."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import ClassVar, cast
from zoneinfo import ZoneInfo

from aiohttp import web
from yarl import URL

from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.sandbox.apis import chargeover_query
from watcher.sandbox.apis.api import Api, basic, same
from watcher.sandbox.apis.chargeover_query import BadQuery
from watcher.sandbox.apis.chargeover_wire import Drawing
from watcher.sandbox.apis.wire_json import answer, answer_bytes, encode
from watcher.sandbox.bill import Bill

BULK_CAP = 25
_INVOICE = "/api/v3/invoice"
_REFUSED = "Invalid or incorrect authorization"
_WORDS = {
    400: "Missing or invalid parameter.",
    401: f"{_REFUSED}.",
    404: "Object does not exist.",
    405: "Method not allowed.",
    429: "Too many requests.",
}


class ChargeOverApi(Api):
    provider: ClassVar[str] = "chargeover"
    prefix: ClassVar[str] = "/api/v3"

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get(f"{_INVOICE}/_count", self._ask),
            web.get(_INVOICE + "/{id}", self._ask),
            web.get(_INVOICE, self._ask),
            web.post("/api/v3/_bulk", self._bulk),
        )

    def refusal(self, request: web.Request) -> web.Response | None:
        given = basic(request)
        if given is None:
            return self._refuse(401, f"{_REFUSED} [Missing (basic) authorization header.]")
        known = same(given, f"{self.keys['public_key']}:{self.keys['private_key']}")
        return None if known else self._refuse(401, f"{_REFUSED} [Invalid public/private key.]")

    def trouble(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        return self._refuse(status, _WORDS.get(status, "Internal server error."), headers)

    def _refuse(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        body = {"code": status, "status": "Error", "message": message, "details": self._details(), "response": False}
        return answer(body, status, headers)

    async def _ask(self, request: web.Request) -> web.Response:
        status, response = self._answer_to(request.rel_url)
        if status != HTTPStatus.OK:
            return self.trouble(status)
        return answer_bytes(
            b'{"code":200,"status":"OK","message":null,"details":%b,"response":%b}'
            % (encode(self._details()), response)
        )

    async def _bulk(self, request: web.Request) -> web.Response:
        try:
            orders = json_text.read(await request.read())
        except InvalidAnswer:
            return self.trouble(400)
        if not isinstance(orders, list) or len(cast("list[object]", orders)) > BULK_CAP:
            return self.trouble(400)
        rows = b",".join(map(self._bulk_row, cast("list[object]", orders)))
        return answer_bytes(
            b'{"code":200,"status":"OK","message":null,"details":%b,"response":{"_bulk":[%b]}}'
            % (encode(self._details()), rows)
        )

    def _bulk_row(self, order: object) -> bytes:
        fields = cast("dict[str, object]", order) if isinstance(order, dict) else {}
        uri = fields.get("uri")
        status, response = 400, b"false"
        if fields.get("request_method") == "GET" and isinstance(uri, str) and uri.startswith("/"):
            status, response = self._answer_to(URL(uri))
        good = status == HTTPStatus.OK
        head = encode({"code": status, "status": "OK" if good else "Error", "message": _WORDS.get(status)})
        return head[:-1] + b',"response":' + response + b"}"

    def _answer_to(self, url: URL) -> tuple[int, bytes]:
        """The answer to a GET of this address: status and the envelope's `response`."""
        path, query = url.path, {key: value for key, value in url.query.items() if key != "_dummy"}
        try:
            if path == _INVOICE:
                rows = [self._drawing(bill).listed() for bill in self._bills()]
                return (200, encode(chargeover_query.select(rows, query, self._zone)))
            if path == f"{_INVOICE}/_count":
                rows = [self._drawing(bill).row() for bill in self._bills()]
                return (200, encode(len(chargeover_query.matching(rows, query, self._zone))))
        except BadQuery:
            return (400, b"false")
        parent, _, bill_id = path.rpartition("/")
        if parent != _INVOICE:
            return (404, b"false")
        if not bill_id.isdecimal():
            return (400, b"false")
        bill = self.ledger.find(self.provider, str(int(bill_id)))
        return (404, b"false") if bill is None else (200, self._bytes(bill))

    def _bills(self) -> Iterable[Bill]:
        return self.ledger.listed(self.provider)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.traps.chargeover.timezone)

    def _drawing(self, bill: Bill) -> Drawing:
        zone = self._zone
        return Drawing(bill, self.traps.chargeover, zone, self.clock.now().astimezone(zone).date())

    def _bytes(self, bill: Bill) -> bytes:
        drawing = self._drawing(bill)
        return self.drawn(bill, lambda _: encode(drawing.invoice()), drawing.traps, drawing.today)

    def _details(self) -> object:
        return [] if self.traps.chargeover.empty_details_as_list else {}
