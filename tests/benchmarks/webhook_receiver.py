"""A subscriber that costs next to nothing and notes when the first byte of each webhook came.

Events are numbered, so that both processes share two plain arrays and nothing else is reported between them.
"""

import asyncio
import socket
import time
from array import array
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized, SynchronizedArray
from types import TracebackType
from typing import Self

_ID = b"webhook-id: "
_LENGTH = b"content-length: "
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
HANGING_PATH = "/hanging"


def event_id(number: int) -> str:
    return f"evt_{number:09d}"


@dataclass(frozen=True)
class _Notes:
    """By event number: instants of `time.monotonic`, one clock for all processes, and how often it came."""

    first_byte_at: "SynchronizedArray[float]"
    arrivals: "SynchronizedArray[int]"
    total: "Synchronized[int]"
    distinct: "Synchronized[int]"
    hangs: "Synchronized[int]"


class WebhookReceiver:
    """In a process of its own. While `hang(hanging=True)`, what is sent to `HANGING_PATH` is not answered."""

    def __init__(self, most_events: int) -> None:
        context = get_context("spawn")
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._notes = _Notes(
            context.Array("d", most_events, lock=False),  # pyright: ignore[reportArgumentType] -- a bare array of doubles
            context.Array("B", most_events, lock=False),  # pyright: ignore[reportArgumentType] -- a bare array of bytes
            context.Value("Q", 0, lock=False),  # pyright: ignore[reportArgumentType] -- a bare c_ulonglong
            context.Value("Q", 0, lock=False),  # pyright: ignore[reportArgumentType] -- same
            context.Value("B", 0, lock=False),  # pyright: ignore[reportArgumentType] -- a bare c_ubyte
        )
        self._process = context.Process(target=_serve, args=(self._listening, self._notes), daemon=True)

    @property
    def url(self) -> str:
        host, port = self._listening.getsockname()
        return f"http://{host}:{port}"

    @property
    def total(self) -> int:
        """Requests answered, whatever they carried."""
        return int(self._notes.total.value)

    @property
    def distinct(self) -> int:
        """Events that have come."""
        return int(self._notes.distinct.value)

    def hang(self, *, hanging: bool) -> None:
        self._notes.hangs.value = int(hanging)

    def arrivals(self, numbers: range) -> "array[int]":
        return array("B", self._notes.arrivals[numbers.start : numbers.stop])

    def first_bytes_at(self, numbers: range) -> "array[float]":
        return array("d", self._notes.first_byte_at[numbers.start : numbers.stop])

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()
        self._listening.close()


class _Connection(asyncio.Protocol):
    def __init__(self, notes: _Notes, unanswered: "list[asyncio.Transport]") -> None:
        self._notes = notes
        self._unanswered = unanswered
        self._received = b""
        self._began_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._received:
            self._began_at = time.monotonic()
        self._received += data
        end = self._received.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        head = self._received[:end].lower()
        if len(self._received) < end + int(_value(head, _LENGTH)):
            return
        self._received = b""
        self._note(int(_value(head, _ID)[4:]))
        if self._notes.hangs.value and head.startswith(b"post " + HANGING_PATH.encode()):
            self._unanswered.append(self._transport)
        else:
            self._transport.write(_ANSWER)

    def _note(self, number: int) -> None:
        notes = self._notes
        if not notes.arrivals[number]:
            notes.first_byte_at[number] = self._began_at
            notes.distinct.value += 1
        notes.arrivals[number] = min(notes.arrivals[number] + 1, 255)
        notes.total.value += 1


def _value(head: bytes, name: bytes) -> bytes:
    start = head.index(name) + len(name)
    return head[start : head.index(b"\r\n", start)]


def _serve(listening: socket.socket, notes: _Notes) -> None:
    unanswered: list[asyncio.Transport] = []

    async def forever() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: _Connection(notes, unanswered), sock=listening)
        while True:
            await asyncio.sleep(0.01)
            if not notes.hangs.value:
                for transport in unanswered:
                    transport.write(_ANSWER)
                unanswered.clear()

    asyncio.run(forever())
