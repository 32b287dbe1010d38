"""Caches in front of a billing API."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from aiohttp import web
from yarl import URL

from watcher.clock import Clock


def mixing_cache(base_url: str, clock: Clock) -> AbstractAsyncContextManager[str]:
    """One that ignores the last part of a path: who asks for one invoice gets another. Gives its base URL."""
    return _cache(base_url, clock, lambda request: request.raw_path.rpartition("/")[0], says_age=False)


def stale_cache(base_url: str, clock: Clock) -> AbstractAsyncContextManager[str]:
    """One that never asks again, and says in `Age` how old its answers are. Gives its base URL."""
    return _cache(base_url, clock, lambda request: request.raw_path, says_age=True)


@dataclass(frozen=True)
class _Kept:
    body: bytes
    content_type: str
    at: datetime


@asynccontextmanager
async def _cache(
    base_url: str, clock: Clock, key_of: Callable[[web.Request], str], *, says_age: bool
) -> AsyncGenerator[str]:
    """Only GETs of one resource are cached, at their first answer; Stripe is asked for one with `expand[]`."""
    upstream, kept = URL(base_url), dict[str, _Kept]()
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def answer(request: web.Request) -> web.Response:
            key = key_of(request)
            if (known := kept.get(key)) is not None:
                age = {"Age": str((clock.now() - known.at).seconds)} if says_age else {}
                return web.Response(body=known.body, headers={"Content-Type": known.content_type, **age})
            url = URL(f"{upstream.origin()}{request.raw_path}", encoded=True)
            headers = {name: value for name, value in request.headers.items() if name != "Host"}
            async with session.request(request.method, url, headers=headers, data=await request.read()) as got:
                made = _Kept(await got.read(), got.headers["Content-Type"], clock.now())
                status = got.status
            if request.method == "GET" and request.query.keys() <= {"expand[]"}:
                kept[key] = made
            return web.Response(status=status, body=made.body, headers={"Content-Type": made.content_type})

        application = web.Application()
        application.router.add_route("*", "/{anything:.*}", answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}{upstream.path.rstrip('/')}"
        finally:
            await runner.cleanup()
