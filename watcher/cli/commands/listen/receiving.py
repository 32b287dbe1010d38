"""The receiver behind `listen`: accepts what verifies, and reports everything that arrives."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from anyio.streams.memory import MemoryObjectSendStream

from watcher.cli.commands.listen.forwarding import Answer, Forwarder
from watcher.clock import Clock
from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.core.webhooks.verification import refusal

LOOPBACK = "127.0.0.1"
_MOST_BODY = 1 << 20
_MOST_REMEMBERED = 10_000
_CLOSING_SECONDS = 0.5
_TAKEN, _REFUSED = 204, 401


@dataclass(frozen=True, slots=True)
class Arrival:
    """One POST. `refused` says why it is not accepted; the `document` is only kept of accepted ones.

    `repeated`: one with this id was accepted and answered 2xx before. `forwarded`: the answer is the receiver's own.
    """

    at: datetime
    id: str
    refused: str | None
    document: object
    repeated: bool
    answer: Answer
    forwarded: bool


class Listener:
    """Answers 204 (or what the receiver behind it says) to what verifies, 401 to what does not."""

    def __init__(
        self,
        secrets: Sequence[bytes],
        clock: Clock,
        arrivals: MemoryObjectSendStream[Arrival],
        forwarder: Forwarder | None,
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._arrivals = arrivals
        self._forwarder = forwarder
        self._taken: dict[str, None] = {}

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        now, event_id = self._clock.now(), request.headers.get("webhook-id", "")
        refused = refusal(self._secrets, request.headers, body, now)
        if refused is not None:
            answer = Answer(_REFUSED, f"{refused}\n".encode(), {"content-type": "text/plain; charset=utf-8"})
        elif self._forwarder is not None:
            answer = await self._forwarder.forward(request.headers, body)
        else:
            answer = Answer(_TAKEN)
        believed = refused is None
        arrival = Arrival(
            at=now,
            id=event_id,
            refused=refused,
            document=_document(body) if believed else None,
            repeated=believed and event_id in self._taken,
            answer=answer,
            forwarded=believed and self._forwarder is not None and answer.error is None,
        )
        if believed and answer.status // 100 == 2:  # noqa: PLR2004 any success
            self._remember(event_id)
        await self._arrivals.send(arrival)
        body = f"{answer.error}\n".encode() if answer.error else answer.body
        return web.Response(status=answer.status, body=body, headers=answer.headers)

    def _remember(self, event_id: str) -> None:
        self._taken[event_id] = None
        if len(self._taken) > _MOST_REMEMBERED:
            del self._taken[next(iter(self._taken))]


@asynccontextmanager
async def serving(listener: Listener, port: int) -> AsyncGenerator[str]:
    """The URL on loopback below which any path takes webhooks. Port 0 means any free one. Raises OSError."""
    application = web.Application(client_max_size=_MOST_BODY)
    application.router.add_post("/{path:.*}", listener.receive)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_CLOSING_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def _document(body: bytes) -> object:
    """The document if it can be read and written again, else None."""
    try:
        document = json_text.read(body)
        json_text.write(document)
    except (InvalidAnswer, TypeError, UnicodeEncodeError):
        return None
    return document
