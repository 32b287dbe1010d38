"""Rapyd: every request signed, 400 for a missing invoice, 401 for somebody else's, a firewall that answers HTML."""

import base64
import hashlib
import hmac
import re
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import ClassVar

from aiohttp import web

from watcher.sandbox.apis import rapyd_wire
from watcher.sandbox.apis.api import Api, Books, same
from watcher.sandbox.apis.wire_json import answer, answer_bytes, encode
from watcher.sandbox.bill import Bill
from watcher.sandbox.traps import RapydDeletion

_ID = re.compile(r"invoice_[0-9a-f]{32}")
_HEADERS = ("access_key", "salt", "timestamp", "signature")
_MAX_AGE_SECONDS = 60
_SALT_LENGTHS = range(8, 17)
_MAX_LIMIT = 100
_WINDOW = timedelta(minutes=5)
_BLOCKED = "<html><head><title>429 Too Many Requests</title></head><body><h1>Request blocked</h1></body></html>"


class RapydApi(Api):
    provider: ClassVar[str] = "rapyd"

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._firewall = _Firewall()

    def routes(self) -> Iterable[web.RouteDef]:
        return (web.get("/v1/invoices/{id}", self._get), web.get("/v1/invoices", self._list))

    def refusal(self, request: web.Request) -> web.Response | None:
        limit = self.traps.rapyd.requests_per_five_minutes
        if limit is not None and not self._firewall.pass_through(self.clock.now(), limit):
            return self.trouble(429)
        if not all(name in request.headers for name in _HEADERS):
            return _error(400, "MISSING_AUTHENTICATION_HEADERS", "Missing authentication headers")
        return None if self._signed(request) else _error(401, "UNAUTHENTICATED_API_CALL", "Invalid signature")

    def trouble(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        """A path that does not exist is refused like somebody else's invoice."""
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return web.Response(status=429, text=_BLOCKED, content_type="text/html", headers=headers)
        if status in {401, 404, 405}:
            return _error(401, "UNAUTHORIZED_API_CALL", "")
        return _error(status, "ERROR_INTERNAL", "Internal error", headers)

    def _signed(self, request: web.Request) -> bool:
        given = {name: request.headers[name] for name in _HEADERS}
        if not given["timestamp"].isdecimal() or len(given["salt"]) not in _SALT_LENGTHS:
            return False
        age = self.clock.now().timestamp() - int(given["timestamp"])
        text = (
            request.method.lower()
            + request.raw_path
            + given["salt"]
            + given["timestamp"]
            + self.keys["access_key"]
            + self.keys["secret_key"]
        )
        digest = hmac.new(self.keys["secret_key"].encode(), text.encode(), hashlib.sha256).hexdigest()
        right = same(given["signature"], base64.b64encode(digest.encode()).decode())
        return right and same(given["access_key"], self.keys["access_key"]) and -1 < age < _MAX_AGE_SECONDS

    async def _get(self, request: web.Request) -> web.Response:
        bill_id = request.match_info["id"]
        if bill_id in self.traps.rapyd.foreign_ids:
            return self.trouble(401)
        bill = self._find(bill_id) if _ID.fullmatch(bill_id) else None
        if bill is None:
            return _error(400, "ERROR_GET_INVOICE", f"The request tried to retrieve {bill_id}, which was not found")
        return _success(self._bytes(bill))

    def _find(self, bill_id: str) -> Bill | None:
        if self.traps.rapyd.deletion is RapydDeletion.GONE:
            return self.ledger.find(self.provider, bill_id)
        try:
            return self.ledger.bill(self.provider, bill_id)
        except KeyError:
            return None

    async def _list(self, request: web.Request) -> web.Response:
        """Newest first; a short page is the last."""
        limit = request.query.get("limit", "10")
        if not limit.isdecimal() or not 1 <= int(limit) <= _MAX_LIMIT:
            return _error(400, "ERROR_LIST_INVOICES", "limit must be from 1 to 100")
        bills = list(self.ledger.listed(self.provider))[::-1]
        places = {bill.id: place for place, bill in enumerate(bills)}
        after, before = request.query.get("starting_after"), request.query.get("ending_before")
        unknown = next((cursor for cursor in (after, before) if cursor is not None and cursor not in places), None)
        if unknown is not None:
            return _error(400, "ERROR_LIST_INVOICES", f"no invoice {unknown}")
        start = 0 if after is None else places[after] + 1
        end = len(bills) if before is None else places[before]
        page = bills[start:end][: int(limit)]
        return _success(b"[" + b",".join(map(self._bytes, page)) + b"]")

    def _bytes(self, bill: Bill) -> bytes:
        traps = self.traps.rapyd
        return self.drawn(bill, lambda each: encode(rapyd_wire.invoice(each, traps)), traps)


class _Firewall:
    """Counts requests over five minutes; above the limit, everything is refused for five minutes."""

    def __init__(self) -> None:
        self._passed: deque[datetime] = deque()
        self._blocked_until: datetime | None = None

    def pass_through(self, now: datetime, limit: int) -> bool:
        if self._blocked_until is not None and now < self._blocked_until:
            return False
        while self._passed and self._passed[0] <= now - _WINDOW:
            self._passed.popleft()
        if len(self._passed) >= limit:
            self._blocked_until = now + _WINDOW
            return False
        self._passed.append(now)
        return True


def _success(body: bytes) -> web.Response:
    return answer_bytes(b'{"status":' + encode(_status("SUCCESS", "", "")) + b',"data":' + body + b"}")


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return answer({"status": _status("ERROR", code, message)}, status, headers)


def _status(word: str, code: str, message: str) -> dict[str, object]:
    """The operation id is different in every call."""
    return {
        "error_code": code,
        "status": word,
        "message": message,
        "response_code": code,
        "operation_id": str(uuid.uuid4()),
    }
