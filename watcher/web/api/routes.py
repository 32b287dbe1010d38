"""The table of all operations of the API: what is routed, and what /openapi.json describes."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

from watcher.web.api import (
    actions,
    csv_files,
    health,
    health_models,
    openapi,
    queries,
    receivable_models,
    request_models,
    response_models,
)
from watcher.web.api.event_stream import stream
from watcher.web.api.operation import Answer, AnyOperation, Call, Operation
from watcher.web.api.operation_kinds import API, done, file, shown, unguarded
from watcher.web.api.request_models import Nothing

_OK = HTTPStatus.OK
_MISSING = HTTPStatus.NOT_FOUND
_CONFLICT = HTTPStatus.CONFLICT


async def describe(call: Call[Nothing, Nothing]) -> Answer:
    del call
    return Answer(document=_description())


@cache
def _description() -> Mapping[str, object]:
    # Made when somebody asks: it takes a quarter of a second and some MiB, and hardly anybody does.
    return openapi.document(OPERATIONS)


_READY = {_OK: health_models.Readiness, HTTPStatus.SERVICE_UNAVAILABLE: health_models.Readiness}

OPERATIONS: tuple[AnyOperation, ...] = (
    unguarded("/healthz", "Whether the process answers", health.alive, {_OK: health_models.Alive}),
    unguarded("/readyz", "Whether the store and every loop work", health.ready, _READY),
    unguarded("/openapi.json", "This document", describe, {_OK: None}),
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
    shown("sources", "sources", "The accounts", queries.sources, (request_models.Paged, response_models.SourcePage)),
    shown(
        "replicas",
        "replicas",
        "The processes that share a PostgreSQL database",
        queries.replicas,
        (request_models.Paged, response_models.ReplicaPage),
    ),
    shown(
        "aging",
        "aging",
        "What is due, and for how long, exactly added up for each currency",
        queries.aging,
        (request_models.AgingChoice, response_models.AgingPage),
    ),
    shown(
        "customers",
        "customers",
        "The customers of watched invoices, with what is due and was paid",
        queries.customers,
        (request_models.CustomerChoice, receivable_models.CustomerPage),
    ),
    shown(
        "forecast",
        "forecast",
        "What is due in which week, exactly added up for each currency",
        queries.forecast,
        (request_models.ReportChoice, receivable_models.ForecastPage),
    ),
    shown(
        "dso",
        "dso",
        "Days sales outstanding of twelve months, by the payment dates that providers give",
        queries.dso,
        (request_models.ReportChoice, receivable_models.DsoPage),
    ),
    shown(
        "audit",
        "audit",
        "What was changed or refused, by whom, newest first",
        queries.audit,
        (request_models.AuditChoice, response_models.AuditPage),
    ),
    shown(
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
    Operation(
        "PATCH",
        f"{API}/watches/{{source}}/{{invoice_id}}",
        "edit_watch",
        "Change the tags or the note that a watch has by hand. 409 if only a watch list names it, with file and line",
        actions.edit_watch,
        {_OK: response_models.Watch},
        Nothing,
        request_models.WatchChanges,
        (_MISSING, _CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    ),
    done(
        "watches/{source}/{invoice_id}",
        "remove_watch",
        "Stop watching an invoice; its history is kept. 409 if a watch list names it, with file and line",
        actions.remove_watch,
        {HTTPStatus.NO_CONTENT: None},
        _MISSING,
        _CONFLICT,
        method="DELETE",
    ),
    shown(
        "invoices",
        "invoices",
        "The last known invoices",
        queries.invoices,
        (request_models.InvoiceChoice, response_models.InvoicePage),
    ),
    shown(
        "invoices/{source}/{invoice_id}",
        "invoice",
        "All that is recorded about an invoice",
        queries.invoice,
        (Nothing, response_models.InvoiceHistory),
        _MISSING,
    ),
    shown(
        "invoices/{source}/{invoice_id}/timeline",
        "timeline",
        "What happened to an invoice, oldest first",
        queries.timeline,
        (request_models.Paged, response_models.TimelinePage),
        _MISSING,
    ),
    done(
        "invoices/{source}/{invoice_id}/poll",
        "poll",
        "Poll an invoice now, as soon as the rate allows",
        actions.request_poll,
        {HTTPStatus.ACCEPTED: response_models.PollRequested},
        _MISSING,
    ),
    shown(
        "events",
        "events",
        "The feed of all events",
        queries.events,
        (request_models.EventsAfter, response_models.EventPage),
        HTTPStatus.GONE,
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
        (HTTPStatus.GONE,),
        media_type="text/event-stream",
    ),
    shown(
        "endpoints",
        "endpoints",
        "The subscribers",
        queries.endpoints,
        (request_models.Paged, response_models.EndpointPage),
    ),
    done(
        "endpoints/{name}/test",
        "test_endpoint",
        "Send one signed `webhook.test` now; nothing is recorded or retried",
        actions.test_endpoint,
        {_OK: response_models.Tested},
        _MISSING,
    ),
    done(
        "endpoints/{name}/enable",
        "enable_endpoint",
        "Send all that waits, and end a pause",
        actions.enable_endpoint,
        {_OK: response_models.Endpoint},
        _MISSING,
    ),
    done(
        "endpoints/{name}/disable",
        "disable_endpoint",
        "Send nothing until it is enabled; its events wait",
        actions.disable_endpoint,
        {_OK: response_models.Endpoint},
        _MISSING,
    ),
    shown(
        "deliveries",
        "deliveries",
        "The deliveries",
        queries.deliveries,
        (request_models.DeliveryChoice, response_models.DeliveryPage),
    ),
    done(
        "deliveries/{delivery_id}/redeliver",
        "redeliver",
        "Make a delivery again: same id, same bytes, new attempts",
        actions.redeliver,
        {HTTPStatus.ACCEPTED: response_models.Delivery},
        _MISSING,
        _CONFLICT,
    ),
    file("watches", csv_files.watches, request_models.WatchFile),
    file("invoices", csv_files.invoices, request_models.InvoiceFile),
    file("events", csv_files.events, request_models.EventFile, HTTPStatus.GONE),
    file("deliveries", csv_files.deliveries, request_models.DeliveryFile),
    file("aging", csv_files.aging, request_models.AgingFile),
    file("customers", csv_files.customers, request_models.CustomerFile),
    file("forecast", csv_files.forecast, request_models.ReportFile),
    file("dso", csv_files.dso, request_models.ReportFile),
    file("audit", csv_files.audit, request_models.AuditFile),
)
