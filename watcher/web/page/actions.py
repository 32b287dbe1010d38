"""The actions of the page: each says in a sentence what it did."""

from datetime import timedelta

from watcher.web.page.formatting import period
from watcher.web.page.view import Visit

_NOW = timedelta(seconds=1)


async def poll(visit: Visit) -> str:
    source, invoice_id = visit.segment("source"), visit.segment("invoice_id")
    due_in = await visit.backend.actions.request_poll(source, invoice_id) - visit.now
    soon = "now, as soon as its rate allows" if due_in < _NOW else f"in {period(due_in)}"
    return f"{source} {invoice_id} is polled {soon}."


async def test_endpoint(visit: Visit) -> str:
    result = await visit.backend.actions.test_endpoint(visit.segment("name"))
    return f"Test of {result.endpoint}: {result.explanation} ({result.milliseconds} ms)."


async def enable_endpoint(visit: Visit) -> str:
    name = visit.segment("name")
    await visit.backend.actions.enable_endpoint(name)
    return f"Endpoint {name} is enabled: what waits is being sent."


async def disable_endpoint(visit: Visit) -> str:
    name = visit.segment("name")
    await visit.backend.actions.disable_endpoint(name)
    return f"Endpoint {name} is disabled: its events wait until it is enabled."


async def redeliver(visit: Visit) -> str:
    delivery_id = visit.segment("delivery_id")
    await visit.backend.actions.redeliver(delivery_id)
    return f"Delivery {delivery_id} is made again: same id, same bytes."
