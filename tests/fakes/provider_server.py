"""A billing API on loopback that answers what a test scripted, and remembers exactly what it was asked."""

import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web

from watcher.clock import Clock
from watcher.ports import PollResult, Provider
from watcher.providers.toolkit.kind import Account, ProviderKind

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class UnlimitedRate:
    """Counts the requests it was asked about."""

    def __init__(self) -> None:
        self.asked = 0

    async def wait(self) -> None:
        self.asked += 1


class StillClock:
    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    async def sleep(self, period: timedelta) -> None:
        self.advance(period)

    def advance(self, period: timedelta) -> None:
        self._now += period


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Scripted = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ProviderServer:
    """Answers in the order scripted; the last answer stays."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    answers: deque[Scripted] = field(default_factory=deque[Scripted])

    def answer(
        self,
        body: object = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        text: str | None = None,
    ) -> None:
        """Script one answer: JSON of `body` (exact numbers as plain ones), or bytes as they are, or plain text."""
        sent = {"Content-Type": "application/json" if text is None else "text/plain", **(headers or {})}
        plain = (
            text.encode()
            if text is not None
            else body
            if isinstance(body, bytes)
            else json.dumps(body, default=float).encode()
        )

        async def send(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=status, body=plain, headers=sent)

        self.answers.append(send)

    def answer_by(self, scripted: Scripted) -> None:
        self.answers.append(scripted)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(Asked(request.method, request.raw_path, request.headers, body))
        scripted = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        return await scripted(request)


@asynccontextmanager
async def provider_server() -> AsyncGenerator[ProviderServer, None]:
    server = ProviderServer()
    application = web.Application(client_max_size=0)
    application.router.add_route("*", "/{anything:.*}", server.receive)
    runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()


def account(
    base_url: str, *, timeout: timedelta = timedelta(seconds=5), credentials: Mapping[str, str] | None = None
) -> Account:
    return Account("acme", base_url, ZoneInfo("UTC"), timeout, credentials or {})


def adapter(
    kind: ProviderKind, session: aiohttp.ClientSession, base_url: str, clock: Clock, credentials: Mapping[str, str]
) -> Provider:
    return kind.build(account(base_url, credentials=credentials), session, clock, lambda: 0.5)


async def fetch_result(provider: Provider, invoice_id: str) -> PollResult:
    return (await provider.fetch([invoice_id], UnlimitedRate())).results[invoice_id]
