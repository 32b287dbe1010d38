"""Fragment Billing: client-credential tokens, batch-get of 200, search."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar, cast

from aiohttp import web

from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.sandbox.apis import fragment_wire
from watcher.sandbox.apis.api import Api, basic, bearer, same
from watcher.sandbox.apis.wire_json import answer, answer_bytes, encode
from watcher.sandbox.bill import Bill

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path, no password
BATCH_CAP = 200
SEARCH_LIMIT = 20
_WORDS = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 422: "Unprocessable", 429: "Too Many Requests"}


class FragmentApi(Api):
    provider: ClassVar[str] = "fragment"
    prefix: ClassVar[str] = "/billing"
    open_paths: ClassVar[frozenset[str]] = frozenset({TOKEN_PATH})

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.post(TOKEN_PATH, self._token),
            web.post("/billing/invoices/batch-get", self._batch_get),
            web.post("/billing/invoices/search", self._search),
            web.get("/billing/invoices", self._list),
            web.get("/billing/invoices/{id}", self._get),
        )

    def refusal(self, request: web.Request) -> web.Response | None:
        token = bearer(request)
        return None if token is not None and self.tokens.accept(token) else self.trouble(401)

    def trouble(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        word = _WORDS.get(status, "Internal Server Error")
        return answer({"error": {"code": word.lower().replace(" ", "_"), "message": word}}, status, headers)

    async def _token(self, request: web.Request) -> web.Response:
        if request.content_type != "application/x-www-form-urlencoded":
            return answer({"error": "invalid_request"}, 400)
        form = await request.post()
        if form.get("grant_type") != "client_credentials":
            return answer({"error": "unsupported_grant_type"}, 400)
        if not self._knows(request):
            return answer({"error": "invalid_client"}, 401)
        traps = self.traps.fragment
        token: dict[str, object] = {"access_token": self.tokens.issue(traps.token_lifetime), "token_type": "Bearer"}
        if not traps.expires_in_absent:
            token["expires_in"] = int(traps.token_lifetime.total_seconds())
        return answer(token)

    def _knows(self, request: web.Request) -> bool:
        given = basic(request)
        return given is not None and same(given, f"{self.keys['client_id']}:{self.keys['client_secret']}")

    async def _get(self, request: web.Request) -> web.Response:
        bill = self.ledger.find(self.provider, request.match_info["id"])
        if bill is None:
            return self.trouble(404)
        return answer_bytes(b'{"data":' + self._bytes(bill) + b"}")

    async def _list(self, _request: web.Request) -> web.Response:
        generation = self.traps.fragment.generation
        rows = [fragment_wire.overview(bill, generation) for bill in self.ledger.listed(self.provider)]
        return answer({"data": rows})

    async def _batch_get(self, request: web.Request) -> web.Response:
        if self.traps.fragment.batch_get_absent:
            return self.trouble(404)
        body = await _object(request)
        ids = body.get("ids") if body is not None else None
        if not isinstance(ids, list):
            return self.trouble(422)
        asked = cast("list[object]", ids)
        if len(asked) > BATCH_CAP or not all(isinstance(item, str) for item in asked):
            return self.trouble(422)
        found = [bill for item in asked if (bill := self.ledger.find(self.provider, str(item))) is not None]
        missing = [item for item in asked if self.ledger.find(self.provider, str(item)) is None]
        rows = b",".join(map(self._bytes, found))
        return answer_bytes(b'{"data":{"invoices":[' + rows + b'],"not_found":' + encode(missing) + b"}}")

    async def _search(self, request: web.Request) -> web.Response:
        body = await _object(request)
        if body is None:
            return self.trouble(400)
        wanted = _section(body, "filter")
        try:
            bills = [bill for bill in self.ledger.listed(self.provider) if _matches(bill, wanted)]
            rows, cursor = (bills, None) if "status" in wanted else _page(bills, _section(body, "page_info"))
        except ValueError:
            return self.trouble(422)
        found = b",".join(map(self._bytes, rows))
        page = encode({"next_cursor": cursor})
        return answer_bytes(b'{"data":{"invoices":[' + found + b'],"page_info":' + page + b"}}")

    def _bytes(self, bill: Bill) -> bytes:
        generation = self.traps.fragment.generation
        return self.drawn(bill, lambda each: encode(fragment_wire.invoice(each, generation)), generation)


async def _object(request: web.Request) -> dict[str, object] | None:
    try:
        value = json_text.read(await request.read())
    except InvalidAnswer:
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _section(body: Mapping[str, object], key: str) -> dict[str, object]:
    value = body.get(key)
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _instant(value: object) -> datetime:
    instant = datetime.fromisoformat(str(value))
    if instant.tzinfo is None:
        raise ValueError("no time zone")
    return instant


def _matches(bill: Bill, wanted: Mapping[str, object]) -> bool:
    created = _section(wanted, "created")
    if "after" in created and bill.created_at < _instant(created["after"]):
        return False
    if "before" in created and bill.created_at > _instant(created["before"]):
        return False
    return wanted.get("status") != "open" or fragment_wire.is_open(bill)


def _page(bills: list[Bill], page: Mapping[str, object]) -> tuple[list[Bill], str | None]:
    limit, after = page.get("limit", SEARCH_LIMIT), str(page.get("after") or "0")
    if not isinstance(limit, int) or limit < 1 or not after.isdecimal():
        raise ValueError("page_info")
    start = int(after)
    end = start + limit
    return bills[start:end], str(end) if end < len(bills) else None
