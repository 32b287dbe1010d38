"""A subscriber on loopback that answers byte by byte as a test's script says, well or badly."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Called once per request; closes the writer to end the connection."""


@dataclass
class Receiver:
    port: int = 0
    connections: int = 0
    requests: list[Request] = field(default_factory=list[Request])
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}/hooks?a=b"


def answering(
    status: int = 200, body: bytes = b"", headers: tuple[str, ...] = (), *, length: int | None = None
) -> Script:
    """A well-formed answer, unless `length` lies about the body's."""
    lines = (f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body) if length is None else length}")
    return writing("\r\n".join((*lines, "", "")).encode() + body)


def writing(text: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return script


def then_closing(script: Script) -> Script:
    async def closing(writer: asyncio.StreamWriter) -> None:
        await script(writer)
        writer.close()

    return closing


def then_resetting(script: Script) -> Script:
    async def resetting(writer: asyncio.StreamWriter) -> None:
        await script(writer)
        writer.transport.abort()

    return resetting


def dripping(head: bytes, drop: bytes) -> Script:
    """Send `head`, then `drop` for ever, as fast as the peer takes it or, if one byte, slowly."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02 if len(drop) == 1 else 0)

    return script


async def silent(writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await writer.wait_closed()


@asynccontextmanager
async def receiving(
    script: Script, tls: ssl.SSLContext | None = None, listening: socket.socket | None = None
) -> AsyncGenerator[Receiver]:
    """Receive on a port of its own, or accept from now on what connects to `listening`."""
    receiver = Receiver()
    tasks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while not writer.is_closing():
                receiver.requests.append(await _read(reader))
                receiver.arrived.set()
                await script(writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(converse(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda _: writer.transport.abort())

    bound = listening or socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(accept, sock=bound, ssl=tls)
    async with server:
        receiver.port = server.sockets[0].getsockname()[1]
        try:
            yield receiver
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rest)}
    return Request(line, headers, await reader.readexactly(int(headers.get("content-length", 0))))
