"""Thirty invoices that the source "acme" lists, as whole documents or as partial rows."""

from collections.abc import Sequence
from dataclasses import replace

from tests.fakes.invoices import euros, invoice
from tests.fakes.poller import Scene
from tests.fakes.polling import found
from watcher.core.errors import WatcherError
from watcher.core.invoices.invoice import Invoice, Status
from watcher.ports import Listed

NAMES = [f"inv_{number}" for number in range(30)]


def one(name: str, status: Status = Status.OPEN, **more: object) -> Invoice:
    amounts = euros(paid="100.00") if status is Status.PAID else euros()
    return replace(invoice(status, amounts, due=None), id=name, **more)


def whole(name: str, status: Status = Status.OPEN) -> Listed:
    """A row that is the whole document."""
    document = one(name, status)
    result = found(document, status.value.encode())
    return Listed(name, result.document, status is Status.PAID, result)


def partial(name: str, status: Status = Status.OPEN, **more: object) -> Listed:
    """A row without lines."""
    return Listed(name, {"invoice": one(name, status, line_count=0)}, status is Status.PAID, **more)  # pyright: ignore[reportArgumentType] -- the fields a test names


def in_pages(rows: Sequence[Listed], size: int = 5) -> list[Sequence[Listed] | WatcherError]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


async def watched(scene: Scene) -> None:
    """Thirty open invoices, all due, each known by id and by lists of whole documents in six pages."""
    await scene.watch(*NAMES)
    scene.provider.results = {name: found(one(name, line_count=3), b"open") for name in NAMES}
    scene.provider.pages = in_pages([whole(name) for name in NAMES])
