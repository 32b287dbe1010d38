"""Lago: a bearer key, pages by number with their count, limits in every answer's headers."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from http import HTTPStatus
from itertools import count
from typing import ClassVar

from aiohttp import web

from watcher.sandbox.apis import lago_wire
from watcher.sandbox.apis.api import Api, Books, bearer, same
from watcher.sandbox.apis.fixed_window import FixedWindow
from watcher.sandbox.apis.wire_json import answer, answer_bytes, encode
from watcher.sandbox.bill import Bill, derived

_PER_PAGE = 100
_UNLIMITED = 50
"""What the headers say while no limit is enforced: the published one."""
_INVOICES = "/api/v1/invoices"
_LINKS_LAST = timedelta(hours=1)
_WORDS = {401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 429: "Too Many Requests"}
_CODES = {404: "resource_not_found", 429: "rate_limit_exceeded"}


class LagoApi(Api):
    provider: ClassVar[str] = "lago"

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._second = FixedWindow(timedelta(seconds=1))
        self._numbers = count(1)
        self._counted = 0

    def routes(self) -> Iterable[web.RouteDef]:
        return (web.get(_INVOICES + "/{id}", self._get), web.get(_INVOICES, self._list))

    def refusal(self, request: web.Request) -> web.Response | None:
        self._counted = self._second.count(self.clock.now())
        key = bearer(request)
        if key is None or not same(key, self.keys["api_key"]):
            return self.trouble(401)
        limit = self.traps.lago.requests_per_second
        return self.trouble(429) if limit is not None and self._counted > limit else None

    def trouble(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        body: dict[str, object] = {"status": status, "error": _WORDS.get(status, "Internal Server Error")}
        return answer({**body, "code": _CODES[status]} if status in _CODES else body, status, headers)

    def own_headers(self, request: web.Request, status: int) -> Mapping[str, str]:
        del request
        limit = self.traps.lago.requests_per_second or _UNLIMITED
        left = 0 if status == HTTPStatus.TOO_MANY_REQUESTS else max(0, limit - self._counted)
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(self._second.ends_in(self.clock.now())),
        }

    async def _get(self, request: web.Request) -> web.Response:
        bill = self.ledger.find(self.provider, request.match_info["id"])
        if bill is None:
            return answer({"status": 404, "error": "Not Found", "code": "invoice_not_found"}, 404)
        now, traps, link = self.clock.now(), self.traps.lago, self._link(bill)

        def draw(each: Bill) -> bytes:
            return encode({"invoice": lago_wire.invoice(each, traps, now, link)})

        return answer_bytes(self.drawn(bill, draw, *self._variant(bill, link)))

    async def _list(self, request: web.Request) -> web.Response:
        """Newest first. Numbers that are none count as unsaid, as the server's own do."""
        page, size = _whole(request, "page", 1), _whole(request, "per_page", _PER_PAGE)
        bills = self._selected(request)
        pages = -(-len(bills) // size)
        now, traps = self.clock.now(), self.traps.lago
        rows = [lago_wire.row(bill, traps, now, self._link(bill)) for bill in bills[(page - 1) * size : page * size]]
        meta = {
            "current_page": page if bills else 0,
            "next_page": page + 1 if page < pages else None,
            "prev_page": page - 1 if bills and page > 1 else None,
            "total_pages": pages,
            "total_count": len(bills),
        }
        return answer({"invoices": rows, "meta": meta})

    def _selected(self, request: web.Request) -> list[Bill]:
        now = self.clock.now()
        readers: Mapping[str, Callable[[Bill], str]] = {
            "statuses[]": lago_wire.status,
            "status": lago_wire.status,
            "payment_statuses[]": lago_wire.payment_status,
            "payment_status": lago_wire.payment_status,
            "currency": lambda bill: bill.currency,
            "payment_overdue": lambda bill: str(lago_wire.is_overdue(bill, now)).lower(),
        }
        wanted = {name: set(request.query.getall(name)) for name in readers if name in request.query}
        bills = list(self.ledger.listed(self.provider))[::-1]
        return [bill for bill in bills if all(readers[name](bill) in values for name, values in wanted.items())]

    def _link(self, bill: Bill) -> str:
        hour = int(self.clock.now().timestamp() / _LINKS_LAST.total_seconds())
        return derived(bill.id, "file", next(self._numbers) if self.traps.lago.restless else hour)

    def _variant(self, bill: Bill, link: str) -> tuple[object, ...]:
        now, traps = self.clock.now(), self.traps.lago
        return (traps, link, lago_wire.is_overdue(bill, now), now if traps.restless else None)


def _whole(request: web.Request, name: str, unsaid: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else unsaid
