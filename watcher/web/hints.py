"""`POST /hints/{source}`: where providers, and systems of the operator's, say that an invoice is worth a poll."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import anyio
from aiohttp import web

from watcher.clock import Clock
from watcher.ports import HintOutcome, HintReceipt, HintRequest
from watcher.web.problems import Handler, Problem, as_problem, respond

ROUTE = "hints"
_MOST_BYTES = 1 << 20
_MOST_AT_ONCE = 64
"""Bodies that are read at the same time: they bound the memory."""
_READ_SECONDS = 10

_STATUS = {
    HintOutcome.ACCEPTED: HTTPStatus.ACCEPTED,
    HintOutcome.IGNORED: HTTPStatus.ACCEPTED,
    HintOutcome.REFUSED: HTTPStatus.UNAUTHORIZED,
    HintOutcome.UNREADABLE: HTTPStatus.BAD_REQUEST,
    HintOutcome.LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    HintOutcome.UNSTORED: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Intake(Protocol):
    """What becomes of hints."""

    def takes(self, source: str) -> bool: ...

    def limited(self, source: str) -> HintReceipt | None: ...

    async def take(self, source: str, request: HintRequest) -> HintReceipt: ...


class HintRoutes:
    """`public_url` gives the address that providers call, without the path."""

    def __init__(self, intake: Intake, clock: Clock, public_url: Callable[[], str | None]) -> None:
        self._intake = intake
        self._clock = clock
        self._public_url = public_url
        self._at_once = anyio.Semaphore(_MOST_AT_ONCE)

    def add(self, router: web.UrlDispatcher) -> None:
        router.add_post("/hints/{source}", self._take, name=ROUTE)

    async def _take(self, request: web.Request) -> web.Response:
        source = request.match_info["source"]
        if not self._intake.takes(source):
            raise Problem(HTTPStatus.NOT_FOUND, "no source of this name takes hints")
        receipt = self._intake.limited(source)
        if receipt is None:
            async with self._at_once:
                body = await _read(request)
                receipt = await self._intake.take(source, self._hint(request, body))
        return _answer(receipt)

    def _hint(self, request: web.Request, body: bytes) -> HintRequest:
        url = (self._public_url() or "").rstrip("/") + request.raw_path
        headers = {name.lower(): value for name, value in request.headers.items()}
        return HintRequest(url, headers, body, self._clock.now())


def hint_application(routes: HintRoutes) -> web.Application:
    """The hint routes and nothing else."""
    app = web.Application(middlewares=[_answered])
    routes.add(app.router)
    app.on_response_prepare.append(as_problem)
    return app


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    return await respond(request, handler)


async def _read(request: web.Request) -> bytes:
    """The body; raises Problem if it is too long, or comes too slowly."""
    if (request.content_length or 0) > _MOST_BYTES:
        raise _too_long()
    body = bytearray()
    try:
        with anyio.fail_after(_READ_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise _too_long()
    except TimeoutError as error:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {_READ_SECONDS} seconds") from error
    return bytes(body)


def _too_long() -> Problem:
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a hint has at most 1 MiB", headers={"Connection": "close"})


def _answer(receipt: HintReceipt) -> web.Response:
    status = _STATUS[receipt.outcome]
    headers = {} if receipt.retry_after is None else {"Retry-After": str(receipt.retry_after)}
    if status >= HTTPStatus.BAD_REQUEST:
        raise Problem(status, receipt.detail, headers=headers)
    return web.json_response({"outcome": receipt.outcome.value}, status=status)
