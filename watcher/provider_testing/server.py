"""A provider on loopback that answers what a test scripted, and remembers what it was asked."""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from watcher.provider_testing.case import Reply


@dataclass(slots=True)
class ScriptedServer:
    """Answers in the order of `replies`; the last one stays."""

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque[Reply])
    asked: list[str] = field(default_factory=list[str])

    async def answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(f"{request.method} {request.raw_path}")
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        headers = {"Content-Type": "application/json", **reply.headers}
        return web.Response(status=reply.status, body=reply.content, headers=headers)


@asynccontextmanager
async def scripted_server(*replies: Reply) -> AsyncGenerator[ScriptedServer]:
    server = ScriptedServer(replies=deque(replies))
    application = web.Application()
    application.router.add_route("*", "/{anything:.*}", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()
