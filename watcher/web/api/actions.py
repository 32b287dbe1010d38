"""Operations that change something."""

from dataclasses import asdict
from http import HTTPStatus

from watcher.core.instants import instant_text
from watcher.ports import WatchEntry
from watcher.web.api import queries
from watcher.web.api.operation import Answer, Call
from watcher.web.api.request_models import NewWatch, Nothing

Plain = Call[Nothing, Nothing]


async def add_watch(call: Call[Nothing, NewWatch]) -> Answer:
    asked = call.body
    entry = WatchEntry(asked.source, asked.invoice_id, tuple(dict.fromkeys(asked.tags)), asked.due_on, asked.note)
    added = await call.desk.actions.add_watch(entry)
    item = await call.desk.reports.watch(entry.source, entry.invoice_id)
    return Answer(HTTPStatus.CREATED if added else HTTPStatus.OK, item)


async def remove_watch(call: Plain) -> Answer:
    await call.desk.actions.remove_watch(call.segment("source"), call.segment("invoice_id"))
    return Answer(HTTPStatus.NO_CONTENT)


async def request_poll(call: Plain) -> Answer:
    poll_at = await call.desk.actions.request_poll(call.segment("source"), call.segment("invoice_id"))
    return Answer(HTTPStatus.ACCEPTED, {"poll_at": instant_text(poll_at)})


async def enable_endpoint(call: Plain) -> Answer:
    await call.desk.actions.enable_endpoint(call.segment("name"))
    return await queries.endpoint(call)


async def disable_endpoint(call: Plain) -> Answer:
    await call.desk.actions.disable_endpoint(call.segment("name"))
    return await queries.endpoint(call)


async def test_endpoint(call: Plain) -> Answer:
    return Answer(document=asdict(await call.desk.actions.test_endpoint(call.segment("name"))))


async def redeliver(call: Plain) -> Answer:
    await call.desk.actions.redeliver(call.segment("delivery_id"))
    return await queries.delivery(call)
