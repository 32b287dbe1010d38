"""A server that answers nothing: whoever asks it holds a lease meanwhile."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketAttribute, SocketStream


@dataclass
class SilentServer:
    """Takes requests and never answers them. `asked_at` is when each came, in seconds of the monotonic clock."""

    url: str = ""
    asked_at: list[float] = field(default_factory=list[float])

    async def take(self, stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            self.asked_at.append(anyio.current_time())
            await anyio.sleep_forever()


@asynccontextmanager
async def silent_server() -> AsyncGenerator[SilentServer]:
    server = SilentServer()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    host, port = listener.extra(SocketAttribute.local_address)[:2]  # noqa: S610 -- no Django here
    server.url = f"http://{host}:{port}"
    async with anyio.create_task_group() as group:
        group.start_soon(listener.serve, server.take)
        yield server
        group.cancel_scope.cancel()
    await listener.aclose()
