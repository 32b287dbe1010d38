"""The actions of the page: each says in a sentence what it did."""

from datetime import timedelta

from watcher.web.api.actions import watch_edit
from watcher.web.api.operation import checked
from watcher.web.api.request_models import WatchChanges
from watcher.web.page.formatting import period
from watcher.web.page.forms import read_form
from watcher.web.page.view import PageRequest

_NOW = timedelta(seconds=1)
_MOST_EDIT_BYTES = 64 * 1024


async def poll(page_request: PageRequest) -> str:
    source, invoice_id = page_request.segment("source"), page_request.segment("invoice_id")
    due_in = await page_request.actions.request_poll(source, invoice_id) - page_request.now
    soon = "now, as soon as its rate allows" if due_in < _NOW else f"in {period(due_in)}"
    return f"{source} {invoice_id} is polled {soon}."


async def edit_watch(page_request: PageRequest) -> str:
    """Tags are one a line: they may contain anything else."""
    source, invoice_id = page_request.segment("source"), page_request.segment("invoice_id")
    form = await read_form(page_request.http, _MOST_EDIT_BYTES)
    tags = [line.strip() for line in form.text("tags").split("\n") if line.strip()]
    changes = checked(WatchChanges, {"tags": tags, "note": form.text("note").strip()}, "form")
    await page_request.actions.edit_watch(source, invoice_id, watch_edit(changes))
    return f"The tags and the note of {source} {invoice_id} are saved."


async def test_endpoint(page_request: PageRequest) -> str:
    result = await page_request.actions.test_endpoint(page_request.segment("name"))
    return f"Test of {result.endpoint}: {result.explanation} ({result.milliseconds} ms)."


async def enable_endpoint(page_request: PageRequest) -> str:
    name = page_request.segment("name")
    await page_request.actions.enable_endpoint(name)
    return f"Endpoint {name} is enabled: what waits is being sent."


async def disable_endpoint(page_request: PageRequest) -> str:
    name = page_request.segment("name")
    await page_request.actions.disable_endpoint(name)
    return f"Endpoint {name} is disabled: its events wait until it is enabled."


async def redeliver(page_request: PageRequest) -> str:
    delivery_id = page_request.segment("delivery_id")
    await page_request.actions.redeliver(delivery_id)
    return f"Delivery {delivery_id} is made again: same id, same bytes."
