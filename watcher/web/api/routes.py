"""The table of all operations of the API: what is routed, and what /openapi.json describes."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from watcher.web.api import actions, health, openapi, queries, request_models, response_models
from watcher.web.api.event_stream import stream
from watcher.web.api.operation import Answer, AnyOperation, Call, Operation
from watcher.web.api.request_models import Nothing

API = "/api/v1"
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
    del call
    return Answer(document=_description())


@cache
def _description() -> Mapping[str, object]:
    # Made when somebody asks: it takes a quarter of a second and some MiB, and hardly anybody does.
    return openapi.document(OPERATIONS)


_READY = {_OK: response_models.Readiness, HTTPStatus.SERVICE_UNAVAILABLE: response_models.Readiness}

OPERATIONS: tuple[AnyOperation, ...] = (
    _open("/healthz", "Whether the process answers", health.alive, {_OK: response_models.Alive}),
    _open("/readyz", "Whether the store and every loop work", health.ready, _READY),
    _open("/openapi.json", "This document", describe, {_OK: None}),
    Operation(
        "GET",
        "/metrics",
        "metrics",
        "What Prometheus scrapes",
        health.metrics,
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
        health.schema,
        {_OK: None},
        Nothing,
        Nothing,
        (_MISSING,),
        is_open=True,
        choices=("event", "config", "watchlist"),
        media_type="application/schema+json",
    ),
    _shown("sources", "sources", "The accounts", queries.sources, (request_models.Paged, response_models.SourcePage)),
    _shown(
        "replicas",
        "replicas",
        "The processes that share a PostgreSQL database",
        queries.replicas,
        (request_models.Paged, response_models.ReplicaPage),
    ),
    _shown(
        "watches",
        "watches",
        "What is watched",
        queries.watches,
        (request_models.WatchChoice, response_models.WatchPage),
    ),
    Operation(
        "POST",
        f"{API}/watches",
        "add_watch",
        "Watch an invoice from now on, or restart a retired watch",
        actions.add_watch,
        {HTTPStatus.CREATED: response_models.Watch, _OK: response_models.Watch},
        Nothing,
        request_models.NewWatch,
        (_MISSING, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    ),
    _done(
        "watches/{source}/{invoice_id}",
        "remove_watch",
        "Stop watching an invoice; its history is kept. 409 if a watch list names it, with file and line",
        actions.remove_watch,
        {HTTPStatus.NO_CONTENT: None},
        _MISSING,
        _CONFLICT,
        method="DELETE",
    ),
    _shown(
        "invoices",
        "invoices",
        "The last known invoices",
        queries.invoices,
        (request_models.InvoiceChoice, response_models.InvoicePage),
    ),
    _shown(
        "invoices/{source}/{invoice_id}",
        "invoice",
        "All that is recorded about an invoice",
        queries.invoice,
        (Nothing, response_models.InvoiceHistory),
        _MISSING,
    ),
    _shown(
        "invoices/{source}/{invoice_id}/timeline",
        "timeline",
        "What happened to an invoice, oldest first",
        queries.timeline,
        (request_models.Paged, response_models.TimelinePage),
        _MISSING,
    ),
    _done(
        "invoices/{source}/{invoice_id}/poll",
        "poll",
        "Poll an invoice now, as soon as the rate allows",
        actions.request_poll,
        {HTTPStatus.ACCEPTED: response_models.PollRequested},
        _MISSING,
    ),
    _shown(
        "events",
        "events",
        "The feed of all events",
        queries.events,
        (request_models.EventsAfter, response_models.EventPage),
    ),
    Operation(
        "GET",
        f"{API}/events/stream",
        "stream",
        "The feed as server-sent events: `id` is the cursor, `event` the type, `data` the body",
        stream,
        {_OK: None},
        request_models.StreamFrom,
        Nothing,
        media_type="text/event-stream",
    ),
    _shown(
        "endpoints",
        "endpoints",
        "The subscribers",
        queries.endpoints,
        (request_models.Paged, response_models.EndpointPage),
    ),
    _done(
        "endpoints/{name}/test",
        "test_endpoint",
        "Send one signed `webhook.test` now; nothing is recorded or retried",
        actions.test_endpoint,
        {_OK: response_models.Tested},
        _MISSING,
    ),
    _done(
        "endpoints/{name}/enable",
        "enable_endpoint",
        "Send all that waits, and end a pause",
        actions.enable_endpoint,
        {_OK: response_models.Endpoint},
        _MISSING,
    ),
    _done(
        "endpoints/{name}/disable",
        "disable_endpoint",
        "Send nothing until it is enabled; its events wait",
        actions.disable_endpoint,
        {_OK: response_models.Endpoint},
        _MISSING,
    ),
    _shown(
        "deliveries",
        "deliveries",
        "The deliveries",
        queries.deliveries,
        (request_models.DeliveryChoice, response_models.DeliveryPage),
    ),
    _done(
        "deliveries/{delivery_id}/redeliver",
        "redeliver",
        "Make a delivery again: same id, same bytes, new attempts",
        actions.redeliver,
        {HTTPStatus.ACCEPTED: response_models.Delivery},
        _MISSING,
        _CONFLICT,
    ),
)
