"""A cache in front of a billing API that ignores the last part of a path: who asks for one invoice gets another."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from yarl import URL


@asynccontextmanager
async def mixing_cache(base_url: str) -> AsyncGenerator[str]:
    """Give the cache's own base URL. Only GETs of one resource are cached, at their first answer."""
    upstream, kept = URL(base_url), dict[str, web.Response]()
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def answer(request: web.Request) -> web.Response:
            folder = request.raw_path.rpartition("/")[0]
            is_cached = request.method == "GET" and "?" not in request.raw_path
            if is_cached and folder in kept:
                return web.Response(body=kept[folder].body, headers=kept[folder].headers)
            url = URL(f"{upstream.origin()}{request.raw_path}", encoded=True)
            headers = {name: value for name, value in request.headers.items() if name != "Host"}
            async with session.request(request.method, url, headers=headers, data=await request.read()) as got:
                made = web.Response(
                    status=got.status, body=await got.read(), headers={"Content-Type": got.headers["Content-Type"]}
                )
            if is_cached:
                kept[folder] = made
                return web.Response(status=made.status, body=made.body, headers=made.headers)
            return made

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
