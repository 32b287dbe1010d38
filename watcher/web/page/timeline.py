"""One invoice: its state, and everything that happened to it, newest first."""

from http import HTTPStatus
from typing import cast

from watcher.core.errors import NotFound
from watcher.ports import Item
from watcher.web.api import pagination
from watcher.web.api.queries import entry_name
from watcher.web.page.filters import TimelinePlace
from watcher.web.page.view import PageRequest, View
from watcher.web.problems import Problem

SHOWN = 60


async def invoice(page_request: PageRequest) -> View:
    source, invoice_id = page_request.segment("source"), page_request.segment("invoice_id")
    asked, reports = page_request.query(TimelinePlace), page_request.backend.reports
    entries = await reports.timeline(source, invoice_id)
    if entries is None:
        raise NotFound(f"{source} {invoice_id} was never watched")
    newest = next((entry["invoice"] for entry in reversed(entries) if entry["kind"] == "snapshot"), None)
    cut = pagination.cut(_from(entries, asked.cursor), SHOWN, lambda entry: pagination.token(entry_name(entry)))
    context: dict[str, object] = {
        "source": source,
        "invoice_id": invoice_id,
        "invoice": newest,
        "watch": await reports.watch(source, invoice_id),
        "by_hand": await reports.watch_by_hand(source, invoice_id),
        "entries": cut["items"],
        "next": cut["next"],
        "is_first": asked.cursor is None,
        "snapshots": sum(entry["kind"] == "snapshot" for entry in entries),
        "events": sum(entry["kind"] == "event" for entry in entries),
    }
    return View("invoice.html", "invoices", context)


def _from(entries: list[Item], cursor: str | None) -> list[Item]:
    """Newest first, starting after the entry that the cursor names."""
    backwards = entries[::-1]
    last = pagination.place(cursor, str, str, int)
    if last is None:
        return backwards
    names = [cast("tuple[str | int, ...]", entry_name(entry)) for entry in backwards]
    if last not in names:
        raise Problem(HTTPStatus.BAD_REQUEST, "cursor names an entry that is not there any more: start again")
    return backwards[names.index(last) + 1 :]
