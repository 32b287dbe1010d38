"""A webhook subscriber that trusts nothing: it verifies every signature by itself and keeps what arrived.

The verification follows the Standard Webhooks 1.0 specification and shares no code with the sender.
"""

import base64
import hashlib
import hmac
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self, cast

import anyio
from aiohttp import web

from watcher.clock import Clock, SystemClock
from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.sandbox.server import LOOPBACK, serve

TOLERANCE = timedelta(minutes=5)
DEMO_SECRET = "whsec_" + base64.b64encode(b"invoice-watcher demo secret").decode()
_MAX_BODY = 1 << 20
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST as it arrived. `arrived_at` is in seconds of the monotonic clock."""

    id: str
    type: str
    body: bytes
    verified: bool
    arrived_at: float
    path: str
    duplicate: bool
    """A verified one with this id was accepted on this path before."""


Callback = Callable[[Delivery], Awaitable[None] | None]


class Receiver:
    """Use as `async with Receiver(secrets) as receiver`; any path below `url` takes webhooks.

    Answers 204 to what verifies, 401 to what does not, unless another answer is set for the next few.
    """

    def __init__(
        self,
        secrets: Sequence[str] = (DEMO_SECRET,),
        *,
        on_delivery: Callback | None = None,
        clock: Clock | None = None,
        port: int = 0,
    ) -> None:
        self.deliveries: list[Delivery] = []
        self._secrets = tuple(base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets)
        self._on_delivery = on_delivery
        self._clock = clock or SystemClock()
        self._port = port
        self._accepted: set[tuple[str, str]] = set()
        self._next_answers: list[int | None] = []
        self._closing = anyio.Event()
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            application = web.Application(client_max_size=_MAX_BODY)
            application.router.add_post("/{path:.*}", self._receive)
            self._port = await serve(application, opening, self._port)
            opening.callback(self._closing.set)
            self._opened = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    def url(self, path: str = "/") -> str:
        return f"http://{LOOPBACK}:{self._port}{path}"

    @property
    def verified(self) -> list[Delivery]:
        """What a careful subscriber would have processed: verified, each id once per path, in order of arrival."""
        return [delivery for delivery in self.deliveries if delivery.verified and not delivery.duplicate]

    def answer_next(self, status: int, times: int = 1) -> None:
        """Answer the next requests with this status; unless it is 2xx they count as not accepted."""
        self._next_answers.extend([status] * times)

    def hang_next(self, times: int = 1) -> None:
        """Take the next requests and never answer them."""
        self._next_answers.extend([None] * times)

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        verified = verify(self._secrets, request.headers, body, self._clock.now().timestamp())
        event_id = request.headers.get("webhook-id", "")
        key = (request.path, event_id)
        duplicate = key in self._accepted
        delivery = Delivery(event_id, _type_of(body), body, verified, time.monotonic(), request.path, duplicate)
        self.deliveries.append(delivery)
        status = self._next_answers.pop(0) if self._next_answers else (204 if verified else 401)
        if verified and status is not None and status in _GOOD:
            self._accepted.add(key)
        if self._on_delivery is not None:
            waiting = self._on_delivery(delivery)
            if inspect.isawaitable(waiting):
                await waiting
        if status is None:
            await self._closing.wait()
            return web.Response(status=503)
        return web.Response(status=status)


def verify(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """True if any `v1` signature of the header is right for any secret and the timestamp is within 5 minutes."""
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not event_id or not (timestamp.isascii() and timestamp.isdecimal()):
        return False
    if abs(now - int(timestamp)) > TOLERANCE.total_seconds():
        return False
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = [base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()) for secret in secrets]
    given = [part[3:].encode() for part in headers.get("webhook-signature", "").split(" ") if part.startswith("v1,")]
    right = False
    for one in given:
        for other in expected:
            right |= hmac.compare_digest(one, other)
    return right


def _type_of(body: bytes) -> str:
    try:
        document = json_text.read(body)
    except InvalidAnswer:
        return ""
    return str(cast("dict[str, object]", document).get("type", "")) if isinstance(document, dict) else ""
