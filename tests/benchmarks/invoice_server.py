"""A server that costs next to nothing, so that the client is measured.

It has as many Meteroid invoices as `invoice_ids` names, by id and in pages of the list, and as many Fragment invoices
by batch-get. What it sends is made once.
"""

import asyncio
import json
import re
import socket
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from types import TracebackType
from typing import Self

_EXAMPLE = Path(__file__).parent.parent / "data" / "meteroid_invoice.json"
_FRAGMENT_EXAMPLE = _EXAMPLE.with_name("fragment_g3_invoice.json")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PAGE = re.compile(rb"[?&]page=(\d+)&per_page=(\d+)")
_PLACE = b"inv_PLACE_OF_THE_ID_"
_ID_LENGTH = len(_PLACE)


def invoice_ids(count: int) -> list[str]:
    """Ids as long as the place that the server's template has for one."""
    return [f"inv_{number:0{_ID_LENGTH - 4}d}" for number in range(count)]


class InvoiceServer:
    """In a process of its own; `answered` counts its answers. The list has `listed` invoices."""

    def __init__(self, listed: int = 0) -> None:
        context = get_context("spawn")
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._answered: Synchronized[int] = context.Value("Q", 0, lock=False)  # pyright: ignore[reportAttributeAccessIssue] -- a bare c_ulonglong
        self._process = context.Process(target=_serve, args=(self._listening, self._answered, listed), daemon=True)

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
    def __init__(self, pages: "_Pages", answered: "Synchronized[int]") -> None:
        self._pages = pages
        self._answered = answered
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, rest = self._received[:end], self._received[end + 4 :]
            size = int(found[1]) if (found := _LENGTH.search(head)) else 0
            if len(rest) < size:
                return
            self._received = rest[size:]
            self._transport.write(self._pages.answer(head.split(b" ", 2)[1], rest[:size]))
            self._answered.value += 1


class _Pages:
    def __init__(self, listed: int) -> None:
        self._ids = [one.encode() for one in invoice_ids(listed)]
        meteroid = json.loads(_EXAMPLE.read_bytes()) | {"status": "FINALIZED", "currency": "EUR"}
        self._meteroid = json.dumps(meteroid | {"id": _PLACE.decode()}).encode()
        fragment = json.loads(_FRAGMENT_EXAMPLE.read_bytes())["data"]
        self._fragment = json.dumps(fragment | {"id": _PLACE.decode()}).encode()
        self._one = _http(self._meteroid)
        self._made: dict[bytes, bytes] = {}

    def answer(self, path: bytes, body: bytes) -> bytes:
        if path.endswith(b"/batch-get"):
            if body in self._made:
                return self._made[body]
            ids = [one.encode() for one in json.loads(body)["ids"]]
            rows = b",".join(self._fragment.replace(_PLACE, one) for one in ids)
            return self._known(body, b'{"data":{"invoices":[' + rows + b'],"not_found":[]}}')
        if path.endswith(b"/token"):
            return _http(b'{"access_token":"benchmark","expires_in":3600}')
        if found := _PAGE.search(path):
            return self._list(path, int(found[1]), int(found[2]))
        invoice_id = path.rpartition(b"/")[2][:_ID_LENGTH].ljust(_ID_LENGTH, b"0")
        return self._one.replace(_PLACE, invoice_id)

    def _list(self, path: bytes, page: int, size: int) -> bytes:
        if path in self._made:
            return self._made[path]
        rows = b",".join(self._meteroid.replace(_PLACE, one) for one in self._ids[page * size : (page + 1) * size])
        pages = -(-len(self._ids) // size)
        meta = b'{"page":%d,"per_page":%d,"total_items":%d,"total_pages":%d}' % (page, size, len(self._ids), pages)
        return self._known(path, b'{"data":[' + rows + b'],"pagination_meta":' + meta + b"}")

    def _known(self, key: bytes, body: bytes) -> bytes:
        return self._made.setdefault(key, _http(body))


def _http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _serve(listening: socket.socket, answered: "Synchronized[int]", listed: int) -> None:
    pages = _Pages(listed)

    async def forever() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: _Answers(pages, answered), sock=listening)
        await asyncio.Event().wait()

    asyncio.run(forever())
