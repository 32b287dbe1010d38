"""The table of everything the API can do: what is routed, and what /openapi.json describes."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from watcher.web import actions, answers, lists, probes, requests
from watcher.web.operation import Answer, AnyOperation, Call, Operation
from watcher.web.requests import Nothing
from watcher.web.stream import stream

API = "/api/v1"
OPENAPI = web.AppKey("openapi", Mapping[str, object])
_OK = HTTPStatus.OK
_MISSING = HTTPStatus.NOT_FOUND
_CONFLICT = HTTPStatus.CONFLICT

_Query = TypeVar("_Query", bound=BaseModel)

_Act = Callable[[Call[_Query, Nothing]], Awaitable[Answer | web.StreamResponse]]


def _shown(
    path: str,
    name: str,
    summary: str,
    act: _Act[_Query],
    shapes: tuple[type[_Query], type[BaseModel]],
    *refusals: HTTPStatus,
) -> AnyOperation:
    """`shapes` are those of the query and of the answer."""
    query, answer = shapes
    return Operation("GET", f"{API}/{path}", name, summary, act, {_OK: answer}, query, Nothing, refusals)


def _done(
    path: str,
    name: str,
    summary: str,
    act: _Act[Nothing],
    answers: Mapping[HTTPStatus, type[BaseModel] | None],
    *refusals: HTTPStatus,
    method: str = "POST",
) -> AnyOperation:
    return Operation(method, f"{API}/{path}", name, summary, act, answers, Nothing, Nothing, refusals)


def _open(
    path: str, summary: str, act: _Act[Nothing], answers: Mapping[HTTPStatus, type[BaseModel] | None]
) -> AnyOperation:
    return Operation("GET", path, path.strip("/"), summary, act, answers, Nothing, Nothing, is_open=True)


async def describe(call: Call[Nothing, Nothing]) -> Answer:
    return Answer(document=call.request.app[OPENAPI])


_READY = {_OK: answers.Readiness, HTTPStatus.SERVICE_UNAVAILABLE: answers.Readiness}

OPERATIONS: tuple[AnyOperation, ...] = (
    _open("/healthz", "Whether the process answers", probes.alive, {_OK: answers.Alive}),
    _open("/readyz", "Whether the store and every loop work", probes.ready, _READY),
    _open("/openapi.json", "This document", describe, {_OK: None}),
    Operation(
        "GET",
        "/metrics",
        "metrics",
        "What Prometheus scrapes",
        probes.metrics,
        {_OK: None},
        Nothing,
        Nothing,
        media_type="text/plain",
    ),
    Operation(
        "GET",
        f"{API}/schema/{{name}}",
        "schema",
        "A JSON Schema: of every webhook body, of the configuration, of a watch list",
        probes.schema,
        {_OK: None},
        Nothing,
        Nothing,
        (_MISSING,),
        is_open=True,
        choices=("event", "config", "watchlist"),
        media_type="application/schema+json",
    ),
    _shown("sources", "sources", "The accounts", lists.sources, (requests.Paged, answers.SourcePage)),
    _shown("watches", "watches", "What is watched", lists.watches, (requests.WatchChoice, answers.WatchPage)),
    Operation(
        "POST",
        f"{API}/watches",
        "add_watch",
        "Watch an invoice from now on, or restart a retired watch",
        actions.add_watch,
        {HTTPStatus.CREATED: answers.Watch, _OK: answers.Watch},
        Nothing,
        requests.NewWatch,
        (_MISSING, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    ),
    _done(
        "watches/{source}/{invoice_id}",
        "remove_watch",
        "Stop watching an invoice; its history is kept. 409 where a watch list lists it, with file and line",
        actions.remove_watch,
        {HTTPStatus.NO_CONTENT: None},
        _MISSING,
        _CONFLICT,
        method="DELETE",
    ),
    _shown(
        "invoices", "invoices", "The last known invoices", lists.invoices, (requests.InvoiceChoice, answers.InvoicePage)
    ),
    _shown(
        "invoices/{source}/{invoice_id}",
        "invoice",
        "All that is recorded about an invoice",
        lists.invoice,
        (Nothing, answers.InvoiceHistory),
        _MISSING,
    ),
    _shown(
        "invoices/{source}/{invoice_id}/timeline",
        "timeline",
        "What happened to an invoice, oldest first",
        lists.timeline,
        (requests.Paged, answers.TimelinePage),
        _MISSING,
    ),
    _done(
        "invoices/{source}/{invoice_id}/poll",
        "poll",
        "Look at an invoice now, as the rate allows",
        actions.request_poll,
        {HTTPStatus.ACCEPTED: answers.PollRequested},
        _MISSING,
    ),
    _shown(
        "events",
        "events",
        "The feed of all events",
        lists.events,
        (requests.EventsAfter, answers.EventPage),
    ),
    Operation(
        "GET",
        f"{API}/events/stream",
        "stream",
        "The feed as server-sent events: `id` is the cursor, `event` the type, `data` the body",
        stream,
        {_OK: None},
        requests.StreamFrom,
        Nothing,
        media_type="text/event-stream",
    ),
    _shown("endpoints", "endpoints", "The subscribers", lists.endpoints, (requests.Paged, answers.EndpointPage)),
    _done(
        "endpoints/{name}/test",
        "test_endpoint",
        "Send one signed `webhook.test` now; nothing is recorded or retried",
        actions.test_endpoint,
        {_OK: answers.Tested},
        _MISSING,
    ),
    _done(
        "endpoints/{name}/enable",
        "enable_endpoint",
        "Send all that waits, and end a pause",
        actions.enable_endpoint,
        {_OK: answers.Endpoint},
        _MISSING,
    ),
    _done(
        "endpoints/{name}/disable",
        "disable_endpoint",
        "Send nothing until it is enabled; what happens meanwhile waits",
        actions.disable_endpoint,
        {_OK: answers.Endpoint},
        _MISSING,
    ),
    _shown(
        "deliveries", "deliveries", "The deliveries", lists.deliveries, (requests.DeliveryChoice, answers.DeliveryPage)
    ),
    _done(
        "deliveries/{delivery_id}/redeliver",
        "redeliver",
        "Make a delivery again: same id, same bytes, fresh attempts",
        actions.redeliver,
        {HTTPStatus.ACCEPTED: answers.Delivery},
        _MISSING,
        _CONFLICT,
    ),
)
