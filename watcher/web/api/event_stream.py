"""`events/stream`: the feed as server-sent events (HTML §9.2)."""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import cast

import anyio
from aiohttp import web

from watcher.core import json_text
from watcher.core.errors import CursorGone, StoreUnavailable
from watcher.ports import Item
from watcher.web.api.operation import Call
from watcher.web.api.request_models import Nothing, StreamFrom
from watcher.web.problems import Problem

HEARTBEAT = timedelta(seconds=15)
"""A comment this often keeps proxies from closing a silent connection, and detects clients that are gone."""
_PAGE = 100
"""Events read at once: the most that is held for one client, however far behind it is."""
_SLOW_SECONDS = 30
"""A client that reads nothing for this long is disconnected: it comes back with its Last-Event-ID."""
_LONGEST_CURSOR = 18


async def stream(call: Call[StreamFrom, Nothing]) -> web.StreamResponse:
    """Ends when the service stops, when the database is unavailable, and when the client is gone or too slow."""
    with call.backend.feed.listening():
        after = _last_seen(call)
        if after is None:
            after = await call.backend.reports.newest_cursor()
        else:
            await call.backend.reports.events(after=str(after), limit=1)  # refused before the stream begins
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(call.request)
        try:
            await _feed(call, response, after)
        except (StoreUnavailable, CursorGone, ConnectionError):
            pass
        except TimeoutError:
            if call.request.transport is not None:
                call.request.transport.abort()
        return response


async def _feed(call: Call[StreamFrom, Nothing], response: web.StreamResponse, after: int) -> None:
    reports, feed, asked = call.backend.reports, call.backend.feed, call.query
    # An id without data is no event to the client; it marks where to continue after a break.
    await _write(response, f"retry: 2000\nid: {after}\n\n".encode())
    while not feed.is_closed:
        seen = [after]

        async def read(seen: list[int] = seen) -> Sequence[Item]:
            newest = await reports.newest_cursor()
            found = await reports.events(
                after=str(seen[0]), limit=_PAGE, type_glob=asked.type, source=asked.source, tag=asked.tag
            )
            # What the filters leave out need not be read again.
            seen[0] = max(seen[0], newest) if not found else cast("int", found[-1]["cursor"])
            return found

        found = await feed.first(read, HEARTBEAT)
        after = seen[0]
        await _write(response, b"".join(map(_written, found)) or b":\n\n")


async def _write(response: web.StreamResponse, chunk: bytes) -> None:
    with anyio.fail_after(_SLOW_SECONDS):
        await response.write(chunk)


def _written(item: Item) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (item["cursor"], str(item["type"]).encode(), json_text.write(item))


def _last_seen(call: Call[StreamFrom, Nothing]) -> int | None:
    cursor_text = call.request.headers.get("Last-Event-ID", call.query.after)
    if cursor_text is None:
        return None
    if not (cursor_text.isascii() and cursor_text.isdigit() and len(cursor_text) <= _LONGEST_CURSOR):
        raise Problem(HTTPStatus.BAD_REQUEST, "Last-Event-ID is no cursor: give the last `id` that you have seen")
    return int(cursor_text)
