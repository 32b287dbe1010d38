"""A Meteroid and a webhook subscriber that cost next to nothing, so that their client is what is measured."""

import asyncio
import json
import re
import signal
import socket
from datetime import date, timedelta
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from types import TracebackType
from typing import Self, cast

from watcher.clock import SystemClock
from watcher.sandbox.apis import meteroid_wire
from watcher.sandbox.ledger import Ledger
from watcher.sandbox.server import LOOPBACK
from watcher.sandbox.traps import MeteroidTraps

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PLACE = "inv_place_of_an_id"
_DIGITS = len(_PLACE) - len("inv_")
_START_SECONDS = 30
_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
_NOTHING_LISTED = b'{"data":[],"pagination_meta":{"page":0,"per_page":100,"total_items":0,"total_pages":0}}'


def invoice_ids(count: int) -> list[str]:
    """As long as the place that the server's document has for one."""
    return [f"inv_{number:0{_DIGITS}d}" for number in range(count)]


class LoadServer:
    """In a process of its own. Any invoice id is an open invoice that never changes; any webhook is taken.

    `polls` and `webhooks` count what was answered.
    """

    def __init__(self) -> None:
        context = get_context("spawn")
        self._listening = socket.create_server((LOOPBACK, 0), backlog=1024)
        self._polls: Synchronized[int] = context.Value("Q", 0, lock=False)  # pyright: ignore[reportAttributeAccessIssue] -- a bare c_ulonglong
        self._webhooks: Synchronized[int] = context.Value("Q", 0, lock=False)  # pyright: ignore[reportAttributeAccessIssue] -- same
        self._ready = context.Event()
        answering = (self._listening, self._polls, self._webhooks, self._ready)
        self._process = context.Process(target=_serve, args=answering, daemon=True)

    @property
    def url(self) -> str:
        host, port = self._listening.getsockname()
        return f"http://{host}:{port}"

    @property
    def polls(self) -> int:
        return int(self._polls.value)

    @property
    def webhooks(self) -> int:
        return int(self._webhooks.value)

    def __enter__(self) -> Self:
        self._process.start()
        self._ready.wait(_START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()
        self._listening.close()


class _Connection(asyncio.Protocol):
    def __init__(self, document: bytes, polls: "Synchronized[int]", webhooks: "Synchronized[int]") -> None:
        self._document = document
        self._polls = polls
        self._webhooks = webhooks
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            size = int(found[1]) if (found := _LENGTH.search(self._received, 0, end + 2)) else 0
            if len(self._received) < end + 4 + size:
                return
            method, path, _ = self._received.split(b" ", 2)
            self._received = self._received[end + 4 + size :]
            if method == b"POST":
                self._transport.write(_TAKEN)
                self._webhooks.value += 1
            elif b"?" in path:
                self._transport.write(_http(_NOTHING_LISTED))
            else:
                self._transport.write(self._document.replace(_PLACE.encode(), path.rpartition(b"/")[2]))
                self._polls.value += 1


def _document() -> bytes:
    bill = Ledger(SystemClock()).create("meteroid", _PLACE, "EUR", 107_998, date.today() + timedelta(days=60))  # noqa: DTZ011 -- any day far enough away
    return _http(json.dumps(meteroid_wire.invoice(bill, MeteroidTraps())).encode())


def _http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _serve(listening: socket.socket, polls: "Synchronized[int]", webhooks: "Synchronized[int]", ready: Event) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which ends this process in order
    document = _document()

    async def forever() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: _Connection(document, polls, webhooks), sock=listening)
        ready.set()
        await asyncio.Event().wait()

    asyncio.run(forever())
