"""A wire between a replica and its database server that can be cut."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

_CHUNK = 1 << 16


class Wire(StrEnum):
    WHOLE = "whole"
    RESET = "reset"
    """Connections are reset, and new ones too."""
    SILENT = "silent"
    """Nothing passes, and nobody hears of it. What was sent meanwhile arrives when the wire is whole again."""


class Proxy:
    """Forwards TCP connections from a port of loopback to another one."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.cut_at: bytes | None = None
        """All connections are reset once, before the first chunk that contains this passes."""
        self._server_port = server_port
        self._wire = Wire.WHOLE
        self._passing = asyncio.Event()
        self._passing.set()
        self._writers: set[asyncio.StreamWriter] = set()

    def turn(self, wire: Wire) -> None:
        self._wire = wire
        if wire is Wire.SILENT:
            self._passing.clear()
        else:
            self._passing.set()
        if wire is Wire.RESET:
            self._reset()

    def _reset(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the replica."""
        self._writers.add(writer)
        try:
            await self._passing.wait()
            if self._wire is Wire.RESET:
                writer.transport.abort()
                return
            with suppress(OSError):
                there_reader, there = await asyncio.open_connection("127.0.0.1", self._server_port)
                self._writers.add(there)
                try:
                    await asyncio.gather(self._forward(reader, there), self._forward(there_reader, writer))
                finally:
                    self._writers.discard(there)
                    there.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until either side ends."""
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._passing.wait()
                if self.cut_at is not None and self.cut_at in chunk:
                    self.cut_at = None
                    self._reset()
                    return
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def proxied(server_port: int) -> AsyncGenerator[Proxy]:
    proxy = Proxy(server_port)
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.turn(Wire.RESET)
