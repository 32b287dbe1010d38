"""Chargebee: Basic with the API key as user, filters like `status[in]`, offsets that only the server reads."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from operator import gt, lt
from typing import ClassVar

from aiohttp import web

from watcher.sandbox.apis import chargebee_wire
from watcher.sandbox.apis.api import Api, Books, basic, same
from watcher.sandbox.apis.chargebee_wire import Drawing
from watcher.sandbox.apis.fixed_window import FixedWindow
from watcher.sandbox.apis.wire_json import answer, answer_bytes, encode, unix
from watcher.sandbox.bill import Bill

_INVOICES = "/api/v2/invoices"
_MAX_LIMIT = 100
_INVALID = "param_wrong_value"
_TIMES = ("updated_at", "date")
_ORDERS = {f"sort_by[{way}]": way for way in ("asc", "desc")}
_PARAMETERS = frozenset(
    {"limit", "offset", "include_deleted", *_ORDERS}
    | {f"{field}[{word}]" for field in ("id", "status") for word in ("in", "is")}
    | {f"{field}[{word}]" for field in _TIMES for word in ("after", "before")}
)
_WORDS = {
    401: ("api_authentication_failed", "Sorry, authentication failed."),
    404: ("invalid_request", "Sorry, there is nothing at this address."),
    405: ("http_method_not_supported", "Sorry, this method is not supported here."),
    429: ("api_request_limit_exceeded", "Sorry, access has been blocked temporarily: too many requests."),
    500: ("internal_error", "Sorry, something went wrong."),
}


class BadRequest(Exception):
    """The arguments are the parameter and what is wrong with it."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class ChargebeeApi(Api):
    provider: ClassVar[str] = "chargebee"
    prefix: ClassVar[str] = "/api/v2"

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._minute = FixedWindow(timedelta(minutes=1))

    def routes(self) -> Iterable[web.RouteDef]:
        return (web.get(_INVOICES + "/{id}", self._get), web.get(_INVOICES, self._list))

    def refusal(self, request: web.Request) -> web.Response | None:
        given = basic(request)
        if given is None or not same(given, f"{self.keys['api_key']}:"):
            return self.trouble(401)
        limit, now = self.traps.chargebee.requests_per_minute, self.clock.now()
        if limit is not None and self._minute.count(now) > limit:
            return self.trouble(429, {"Retry-After": str(self._minute.ends_in(now))})
        return None

    def trouble(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        code, message = _WORDS.get(status, _WORDS[500])
        has_failed = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return _error(status, code, message, kind="operation_failed" if has_failed else None, headers=headers)

    async def _get(self, request: web.Request) -> web.Response:
        bill_id = request.match_info["id"]
        bill = self.ledger.find(self.provider, bill_id)
        if bill is None:
            return _error(404, "resource_not_found", f"{bill_id} not found", kind="invalid_request")
        return answer_bytes(b'{"invoice":' + self._bytes(bill) + b"}")

    async def _list(self, request: web.Request) -> web.Response:
        try:
            limit, start = _limit(request), _offset(request)
            bills = self._selected(request)
        except BadRequest as error:
            return _error(400, _INVALID, str(error), kind="invalid_request", parameter=error.parameter)
        limit = min(limit, self.traps.chargebee.rows_at_most)
        rows = b",".join(b'{"invoice":' + self._bytes(bill) + b"}" for bill in bills[start : start + limit])
        following = start + limit
        if following >= len(bills):
            return answer_bytes(b'{"list":[%b]}' % rows)
        offset = encode(json.dumps([str(following), bills[following].id]))
        return answer_bytes(b'{"list":[%b],"next_offset":%b}' % (rows, offset))

    def _selected(self, request: web.Request) -> list[Bill]:
        """Newest first unless `sort_by` says otherwise. Raises BadRequest."""
        unknown = next((name for name in request.query if name not in _PARAMETERS), None)
        if unknown is not None:
            raise BadRequest(unknown, f"{unknown} : parameter not supported")
        now = self.clock.now()
        readers: Mapping[str, Callable[[Bill], str]] = {
            "id": lambda bill: bill.id,
            "status": lambda bill: chargebee_wire.status(bill, now),
        }
        deleted = request.query.get("include_deleted") == "true"
        bills = list(self.ledger.listed(self.provider, deleted=deleted))
        for name, text in request.query.items():
            field, _, word = name.rstrip("]").partition("[")
            if field in readers:
                wanted = set(_listed(text)) if word == "in" else {text}
                bills = [bill for bill in bills if readers[field](bill) in wanted]
            elif field in _TIMES:
                compare, bound = (gt if word == "after" else lt), _seconds(name, text)
                bills = [bill for bill in bills if compare(self._time(bill, field), bound)]
        return self._ordered(request, bills)

    def _ordered(self, request: web.Request, bills: list[Bill]) -> list[Bill]:
        name = next((name for name in _ORDERS if name in request.query), None)
        if name is None:
            return bills[::-1]
        field = request.query[name]
        if field not in _TIMES:
            raise BadRequest(name, f"{name} : invalid value")
        return sorted(bills, key=lambda bill: self._time(bill, field), reverse=_ORDERS[name] == "desc")

    def _time(self, bill: Bill, field: str) -> int:
        return unix(bill.created_at if field == "date" else self._updated_at(bill))

    def _updated_at(self, bill: Bill) -> datetime:
        return self.clock.now() if self.traps.chargebee.restless else (bill.touched_at or bill.created_at)

    def _bytes(self, bill: Bill) -> bytes:
        drawing = Drawing(bill, self.clock.now(), self._updated_at(bill))
        late = chargebee_wire.is_late(bill, drawing.now)
        return self.drawn(bill, lambda _: encode(drawing.invoice()), late, drawing.updated_at)


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", "10")
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_LIMIT:
        raise BadRequest("limit", f"limit : should be from 1 to {_MAX_LIMIT}")
    return int(text)


def _offset(request: web.Request) -> int:
    text = request.query.get("offset")
    if text is None:
        return 0
    try:
        start, _ = json.loads(text)
        return int(start)
    except (ValueError, TypeError) as error:
        raise BadRequest("offset", "offset : invalid value") from error


def _listed(text: str) -> list[str]:
    """`["a","b"]`, with the quotes that the SDKs write, or with none."""
    return [part.strip().strip("'\"") for part in text.strip().strip("[]").split(",")]


def _seconds(name: str, text: str) -> int:
    if not text.isdecimal():
        raise BadRequest(name, f"{name} : invalid value")
    return int(text)


def _error(
    status: int,
    code: str,
    message: str,
    *,
    kind: str | None = None,
    parameter: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    body: dict[str, object] = {
        "message": message,
        **({} if kind is None else {"type": kind}),
        "api_error_code": code,
        **({} if parameter is None else {"param": parameter}),
        "error_code": code,
        "error_msg": message,
        "http_status_code": status,
    }
    return answer(body, status, headers)
