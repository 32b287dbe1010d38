"""What this machine's HTTP client does when nothing else is done: the measure that the program is held against."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle

import aiohttp

_AT_ONCE = 64


async def gets_per_second(url: str, ids: Sequence[str], seconds: float) -> float:
    """GETs of the same documents, each body read and forgotten."""
    following = cycle(ids)

    async def get(session: aiohttp.ClientSession) -> None:
        async with session.get(f"{url}/api/v1/invoices/{next(following)}") as response:
            await response.read()

    return await _repeated(get, seconds)


async def posts_per_second(url: str, body: bytes, seconds: float) -> float:
    """POSTs of the same body, unsigned, each answer read and forgotten."""

    async def post(session: aiohttp.ClientSession) -> None:
        async with session.post(f"{url}/hook", data=body) as response:
            await response.read()

    return await _repeated(post, seconds)


async def _repeated(request: Callable[[aiohttp.ClientSession], Awaitable[None]], seconds: float) -> float:
    count, until = 0, time.perf_counter() + seconds

    async def keep_asking(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.perf_counter() < until:
            await request(session)
            count += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:
        await asyncio.gather(*(keep_asking(session) for _ in range(_AT_ONCE)))
    return count / seconds
