"""Operations that change something."""

from dataclasses import asdict
from http import HTTPStatus

from watcher.core.instants import instant_text
from watcher.ports import DesiredWatch, WatchEdit
from watcher.web.api import queries
from watcher.web.api.operation import Answer, Call
from watcher.web.api.request_models import NewWatch, Nothing, WatchChanges

Plain = Call[Nothing, Nothing]


async def add_watch(call: Call[Nothing, NewWatch]) -> Answer:
    asked = call.body
    entry = DesiredWatch(asked.source, asked.invoice_id, tuple(dict.fromkeys(asked.tags)), asked.due_on, asked.note)
    added = await call.actions.add_watch(entry)
    item = await call.backend.reports.watch(entry.source, entry.invoice_id)
    return Answer(HTTPStatus.CREATED if added else HTTPStatus.OK, item)


async def edit_watch(call: Call[Nothing, WatchChanges]) -> Answer:
    source, invoice_id = call.segment("source"), call.segment("invoice_id")
    await call.actions.edit_watch(source, invoice_id, watch_edit(call.body))
    return Answer(document=await call.backend.reports.watch(source, invoice_id))


def watch_edit(changes: WatchChanges) -> WatchEdit:
    given = changes.model_fields_set
    return WatchEdit(
        tags=tuple(dict.fromkeys(changes.tags)) if "tags" in given else None,
        note=changes.note or "" if "note" in given else None,
    )


async def remove_watch(call: Plain) -> Answer:
    await call.actions.remove_watch(call.segment("source"), call.segment("invoice_id"))
    return Answer(HTTPStatus.NO_CONTENT)


async def request_poll(call: Plain) -> Answer:
    poll_at = await call.actions.request_poll(call.segment("source"), call.segment("invoice_id"))
    return Answer(HTTPStatus.ACCEPTED, {"poll_at": instant_text(poll_at)})


async def enable_endpoint(call: Plain) -> Answer:
    await call.actions.enable_endpoint(call.segment("name"))
    return await queries.endpoint(call)


async def disable_endpoint(call: Plain) -> Answer:
    await call.actions.disable_endpoint(call.segment("name"))
    return await queries.endpoint(call)


async def test_endpoint(call: Plain) -> Answer:
    return Answer(document=asdict(await call.actions.test_endpoint(call.segment("name"))))


async def redeliver(call: Plain) -> Answer:
    await call.actions.redeliver(call.segment("delivery_id"))
    return await queries.delivery(call)
