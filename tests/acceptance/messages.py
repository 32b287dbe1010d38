"""People who get messages: a service on loopback for Apprise's `json://`, and the end of a period."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import asyncpg
from aiohttp import web

from tests.acceptance.daemon import Site
from tests.fakes.message_text import Facts, read_message

_AN_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Message:
    title: str
    text: str
    at: float

    @property
    def facts(self) -> Facts:
        return read_message(self.title, self.text)


@dataclass
class Mailbox:
    """Takes messages. While `is_silent` it keeps them as well, and nobody gets an answer."""

    port: int = 0
    is_silent: bool = False
    messages: list[Message] = field(default_factory=list[Message])
    closed: anyio.Event = field(default_factory=anyio.Event)

    def url(self, path: str = "") -> str:
        return f"json://127.0.0.1:{self.port}/{path}"

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.messages.append(Message(body["title"], body["message"], anyio.current_time()))
        return await self._take(request, body["title"], body["message"])

    async def _take(self, request: web.Request, title: str, text: str) -> web.StreamResponse:
        del request, title, text
        if self.is_silent:
            await self.closed.wait()
        return web.Response()


@asynccontextmanager
async def mailbox(made: Mailbox | None = None) -> AsyncGenerator[Mailbox]:
    box, app = made or Mailbox(), web.Application()
    app.router.add_post("/{path:.*}", box.take)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        box.port = runner.addresses[0][1]
        yield box
    finally:
        box.closed.set()
        await runner.cleanup()


def notified(site: Site, box: Mailbox, name: str = "finance", **keys: object) -> None:
    """Configure a notification to this mailbox, with a digest a minute."""
    site.notify[name] = {
        "urls": [{"file": site.secret(f"{name}_url", box.url(name))}],
        "events": ["invoice.paid"],
        "allow_private": ["127.0.0.0/8"],
        "digest": "1m",
    } | keys


async def end_period(postgres_url: str, name: str = "finance") -> int:
    """What waits for a digest becomes an hour older, so that its period has ended; how many deliveries that were."""
    connection = await asyncpg.connect(postgres_url)
    try:
        done = await connection.execute(
            "UPDATE deliveries SET next_attempt_at = next_attempt_at - $2, due_at = due_at - $2"
            " WHERE endpoint = $1 AND state = 'pending'",
            name,
            _AN_HOUR,
        )
    finally:
        await connection.close()
    return int(done.split()[-1])
