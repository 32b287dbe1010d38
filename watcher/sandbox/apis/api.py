"""What the APIs share: checks of every request, tokens that end, and answers that are rendered once."""

import base64
import binascii
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from hmac import compare_digest
from typing import ClassVar

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from watcher.clock import Clock
from watcher.sandbox.bill import Bill, derived
from watcher.sandbox.ledger import Ledger
from watcher.sandbox.traps import Fault, FaultKind, Traps

_ERRORS = {FaultKind.SERVER_ERROR: 500, FaultKind.RATE_LIMITED: 429, FaultKind.UNAUTHORIZED: 401}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as the server saw it, whatever the answer was. `path` is raw, with its query.

    `arrived_at` is in seconds of the monotonic clock.
    """

    provider: str
    method: str
    path: str
    arrived_at: float


@dataclass(frozen=True, slots=True)
class Books:
    """What an API needs: the ledger, the switches, the keys it accepts, and where it notes requests."""

    ledger: Ledger
    traps: Traps
    keys: Mapping[str, str]
    clock: Clock
    arrivals: list[Arrival]


class Api(ABC):
    """One provider's HTTP API."""

    provider: ClassVar[str]
    prefix: ClassVar[str] = ""
    """What `base_url` has after the host."""
    open_paths: ClassVar[frozenset[str]] = frozenset()
    """Paths that need no credentials: the token calls."""

    def __init__(self, books: Books) -> None:
        self.ledger = books.ledger
        self.traps = books.traps
        self.keys = books.keys
        self.clock = books.clock
        self.faults: deque[Fault] = deque()
        self.tokens = Tokens(books.clock, self.provider)
        self._arrivals = books.arrivals
        self._drawn: dict[str, tuple[tuple[object, ...], bytes]] = {}
        self._date = (0, "")

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]: ...

    @abstractmethod
    def refusal(self, request: web.Request) -> web.Response | None:
        """The provider's answer to wrong credentials, None if they are right."""

    @abstractmethod
    def trouble(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        """The provider's own body for an error that is not about one invoice: 401, 404 (no such route), 429, 500."""

    def own_headers(self, request: web.Request, status: int) -> Mapping[str, str]:
        """What every answer of the provider has, whatever it is."""
        del request, status
        return {}

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._door()])
        application.add_routes(self.routes())
        return application

    def drawn(self, bill: Bill, draw: Callable[[Bill], bytes], *variant: object) -> bytes:
        """The bill's bytes, rendered again only after a change of the bill or of `variant` (traps, the day)."""
        key = (bill.revision, *variant)
        known = self._drawn.get(bill.id)
        if known is not None and known[0] == key:
            return known[1]
        body = draw(bill)
        self._drawn[bill.id] = (key, body)
        return body

    def _door(self) -> Middleware:
        @web.middleware
        async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._arrivals.append(Arrival(self.provider, request.method, request.raw_path, time.monotonic()))
            response = await self._faulty_answer(request) if self.faults else None
            if response is None:
                response = await self._answer(request, handler)
            response.headers[hdrs.DATE] = self._server_date()
            response.headers.update(self.own_headers(request, response.status))
            return response

        return door

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in self.open_paths:
            refusal = self.refusal(request)
            if refusal is not None:
                return refusal
        try:
            return await handler(request)
        except web.HTTPException as error:
            return self.trouble(error.status)

    async def _faulty_answer(self, request: web.Request) -> web.StreamResponse | None:
        fault = self.faults.popleft()
        await self.clock.sleep(fault.delay)
        if fault.kind in _ERRORS:
            headers = None if fault.retry_after is None else {"Retry-After": fault.retry_after}
            return self.trouble(_ERRORS[fault.kind], headers)
        if fault.kind is FaultKind.SLOW:
            return None
        if fault.kind is FaultKind.DISCONNECT and request.transport is not None:
            request.transport.abort()
        if fault.kind is FaultKind.HTML:
            return web.Response(text="<html><body>Maintenance</body></html>", content_type="text/html")
        return web.Response(body=b'{"data": {"id": "inv', content_type="application/json")

    def _server_date(self) -> str:
        now = self.clock.now() + self.traps.date_skew
        second = int(now.timestamp())
        if self._date[0] != second:
            self._date = (second, format_datetime(now, usegmt=True))
        return self._date[1]


class Tokens:
    """Access tokens that really end."""

    def __init__(self, clock: Clock, provider: str) -> None:
        self._clock = clock
        self._provider = provider
        self._issued = 0
        self._ends_at: dict[str, datetime] = {}

    def issue(self, lifetime: timedelta) -> str:
        self._issued += 1
        token = derived(self._provider, "token", self._issued, self._clock.now(), length=48)
        self._ends_at[token] = self._clock.now() + lifetime
        return token

    def accept(self, token: str) -> bool:
        ends_at = self._ends_at.get(token)
        return ends_at is not None and self._clock.now() < ends_at

    def expire(self) -> None:
        self._ends_at.clear()


def same(given: str, expected: str) -> bool:
    return compare_digest(given.encode(), expected.encode())


def bearer(request: web.Request) -> str | None:
    """The bearer token, None if the header is missing or of another scheme."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token if scheme == "Bearer" and token else None


def basic(request: web.Request) -> str | None:
    """`user:password` of Basic authorization, None if the header is missing, broken or of another scheme."""
    scheme, _, coded = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    try:
        return base64.b64decode(coded, validate=True).decode() if scheme == "Basic" else None
    except (binascii.Error, UnicodeDecodeError):
        return None
