"""A server that costs next to nothing, so that the client is measured: each GET gets one Meteroid invoice."""

import asyncio
import json
import socket
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from types import TracebackType
from typing import Self

_EXAMPLE = Path(__file__).parent.parent / "data" / "meteroid_invoice.json"
_PLACE = b"inv_PLACE_OF_THE_ID_"
_ID_LENGTH = len(_PLACE)


def invoice_ids(count: int) -> list[str]:
    """Ids as long as the place that the server's template has for one."""
    return [f"inv_{number:0{_ID_LENGTH - 4}d}" for number in range(count)]


class InvoiceServer:
    """In a process of its own; `answered` counts its answers."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._answered: Synchronized[int] = context.Value("Q", 0, lock=False)  # pyright: ignore[reportAttributeAccessIssue] -- a bare c_ulonglong
        self._process = context.Process(target=_serve, args=(self._listening, self._answered), daemon=True)

    @property
    def url(self) -> str:
        host, port = self._listening.getsockname()
        return f"http://{host}:{port}"

    @property
    def answered(self) -> int:
        return int(self._answered.value)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()
        self._listening.close()


class _Answers(asyncio.Protocol):
    def __init__(self, template: bytes, answered: "Synchronized[int]") -> None:
        self._template = template
        self._answered = answered
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            path = self._received.split(b" ", 2)[1]
            self._received = self._received[end + 4 :]
            invoice_id = path.rpartition(b"/")[2][:_ID_LENGTH].ljust(_ID_LENGTH, b"0")
            self._transport.write(self._template.replace(_PLACE, invoice_id))
            self._answered.value += 1


def _serve(listening: socket.socket, answered: "Synchronized[int]") -> None:
    document = json.loads(_EXAMPLE.read_bytes()) | {"id": _PLACE.decode(), "status": "FINALIZED", "currency": "EUR"}
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def forever() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: _Answers(head + body, answered), sock=listening)
        await asyncio.Event().wait()

    asyncio.run(forever())
