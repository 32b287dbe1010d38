"""The JSON Schema (2020-12) of every body that a subscriber may receive: full, thin and truncated.

The `title` of an object is the name that `cli.receiver_types` gives it.
"""

from collections.abc import Mapping
from typing import cast

from watcher.core.invoices.event import CONFIGURATION, EventType
from watcher.core.invoices.event_descriptions import OF_DATA, OF_EVENTS, OF_INVOICE
from watcher.core.invoices.invoice import Direction, Status
from watcher.core.invoices.snapshot import MONEY_FIELDS

Schema = dict[str, object]

_T = EventType
_WITH_DELTA = frozenset({_T.CREDITED, _T.PARTIALLY_PAID, _T.REFUNDED, _T.PAYMENT_REVERSED})
_WITH_OFFSET = frozenset({_T.DUE_SOON, _T.OVERDUE_REMINDER})
_ABOUT_SOURCES = frozenset({_T.SOURCE_FAILING, _T.SOURCE_RECOVERED})
_ABOUT_ENDPOINTS = frozenset({_T.ENDPOINT_DISABLED, _T.ENDPOINT_RECOVERED, _T.WEBHOOK_TEST})
_CLEARED_BY = ("paid", "credited", "voided", "uncollectible", "deleted", "due_date_changed", "other")

_TEXT: Schema = {"type": "string"}
_INSTANT: Schema = {"$ref": "#/$defs/instant"}
_DATE: Schema = {"$ref": "#/$defs/date"}
_MONEY: Schema = {"$ref": "#/$defs/money"}
_SOURCE: Schema = {"type": "string", "pattern": "^[a-z0-9_-]{1,64}$"}
_EVENT_ID: Schema = {"type": "string", "pattern": "^evt_(test_)?[0-9a-zA-Z]+$"}
_BOOLEAN: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_PERIOD: Schema = {"type": "string", "pattern": r"^(\d+(ms|s|m|h|d))+$"}
_NULL: Schema = {"type": "null"}
_TEST: Schema = {
    "const": True,
    "description": "Only in examples sent by hand (`invoice-watcher trigger`): none of it has happened.",
}
_ONLY_TESTS: Schema = {"properties": {"event_id": {"pattern": "^evt_test_"}}}


def event_schema() -> Schema:
    """One schema for all bodies: exactly one of `$defs/<type>` matches, chosen by the `type` of the body."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Invoice Watcher webhook body",
        "description": "A full body has data.invoice and data.changes; a thin one lacks both; one that was too long "
        "leaves as thin with data.truncated.",
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {"type": {"enum": [event_type.value for event_type in EventType]}},
        "oneOf": [{"$ref": f"#/$defs/{event_type.value}"} for event_type in EventType],
        "$defs": {
            "instant": {
                "title": "Instant",
                "description": "RFC 3339, always UTC with Z, 0 to 6 fraction digits.",
                "type": "string",
                "format": "date-time",
                "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$",
            },
            "date": {
                "title": "CalendarDate",
                "description": "A date as 2026-11-22.",
                "type": "string",
                "format": "date",
            },
            "money": {
                "title": "Money",
                "description": "An exact decimal number in major units, with the currency's own decimals.",
                "type": "string",
                "pattern": r"^-?\d+(\.\d+)?$",
            },
            "amounts": _amounts(),
            "delta": _closed({"currency": _TEXT, "amount": _MONEY}) | {"title": "Delta"},
            "change": _change(),
            "snapshot": snapshot_schema(),
            **{event_type.value: _body(event_type) for event_type in EventType},
        },
    }


def snapshot_schema() -> Schema:
    """The canonical invoice; it refers to the `$defs` of `event_schema`."""
    properties = _explained(
        {
            "source": _SOURCE,
            "provider": _TEXT,
            "id": _TEXT,
            "number": _or_null(_short(200)),
            "status": {"title": "Status", "enum": [status.value for status in Status]},
            "provider_status": _TEXT,
            "overdue": _BOOLEAN,
            "payment_pending": _BOOLEAN,
            "failed_attempts": _COUNT,
            "last_payment_error": _or_null(_short(500)),
            "direction": {"title": "Direction", "enum": [direction.value for direction in Direction]},
            "amounts": {"type": "array", "items": {"$ref": "#/$defs/amounts"}},
            "issued_on": _or_null(_DATE),
            "due_on": _or_null(_DATE),
            **{name: _or_null(_INSTANT) for name in ("due_at", "created_at", "finalized_at", "paid_at", "voided_at")},
            "customer": _closed({"id": _or_null(_TEXT), "name": _or_null(_short(200))}) | {"title": "Customer"},
            "line_count": _COUNT,
            "url": _or_null(_short(2000)),
            "tags": {"type": "array", "items": _short(64), "maxItems": 20},
        },
        OF_INVOICE,
    )
    return _closed(properties) | {"title": "Invoice", "description": "An invoice as it was when it was fetched."}


def _amounts() -> Schema:
    schema = _closed({"currency": _TEXT, **dict.fromkeys(MONEY_FIELDS, _MONEY)}, {"unit": {"const": "minor"}})
    return schema | {
        "title": "Amounts",
        "description": 'One row per currency. "unit": "minor" if its decimals are unknown.',
    }


def _change() -> Schema:
    value: Schema = {"title": "FieldValue", "type": ["string", "integer", "boolean", "null", "array"], "items": _TEXT}
    schema = _closed({"field": _TEXT, "before": value, "after": value})
    return schema | {"title": "Change", "description": "One snapshot field, by its path such as amounts.EUR.paid."}


def _body(event_type: EventType) -> Schema:
    if event_type in _ABOUT_SOURCES:
        data = _about("SourceData", {"source": _SOURCE, "provider": _TEXT})
    elif event_type in _ABOUT_ENDPOINTS:
        data = _about("EndpointData", {"endpoint": _TEXT})
    else:
        data = _invoice_data(event_type)
    body = _closed({"type": {"const": event_type.value}, "timestamp": _INSTANT, "data": data})
    return body | {"description": OF_EVENTS[event_type]}


def _about(title: str, subject: Schema) -> Schema:
    required: Schema = {
        "event_id": _EVENT_ID,
        "occurred_at": _or_null(_INSTANT),
        **subject,
        "reason": _or_null(_TEXT),
        "since": _or_null(_INSTANT),
    }
    return _closed(_explained(required, OF_DATA), {"test": _TEST}) | {
        "title": title,
        "dependentSchemas": {"test": _ONLY_TESTS},
    }


def _invoice_data(event_type: EventType) -> Schema:
    required: Schema = {
        "event_id": _EVENT_ID,
        "sequence": {"type": "integer", "minimum": 1},
        "source": _SOURCE,
        "provider": _TEXT,
        "invoice_id": _TEXT,
        "occurred_at": _or_null(_INSTANT),
        "observed_after": _or_null(_INSTANT),
        "observed_at": _INSTANT,
        "snapshot_at": _INSTANT,
        "inferred": _BOOLEAN,
        "reason": _reason(event_type),
        "delta": _delta(event_type),
    }
    if event_type is _T.PAYMENT_FAILED:
        required["attempts_delta"] = _or_null({"type": "integer", "minimum": 1})
    if event_type in _WITH_OFFSET:
        required["offset"] = _PERIOD
    optional: Schema = {
        "changes": {"type": "array", "items": {"$ref": "#/$defs/change"}},
        "invoice": {"$ref": "#/$defs/snapshot"},
        "truncated": {"const": True},
        "test": _TEST,
    }
    return _closed(_explained(required, OF_DATA), _explained(optional, OF_DATA)) | {
        "title": "InvoiceData",
        "dependentRequired": {"invoice": ["changes"], "changes": ["invoice"]},
        "dependentSchemas": {"truncated": {"not": {"required": ["invoice"]}}, "test": _ONLY_TESTS},
    }


def _reason(event_type: EventType) -> Schema:
    if event_type is _T.OVERDUE_CLEARED:
        return {"title": "ClearedReason", "enum": list(_CLEARED_BY)}
    return {"enum": [None, CONFIGURATION]} if event_type is _T.UPDATED else _NULL


def _delta(event_type: EventType) -> Schema:
    rows: Schema = {"type": "array", "items": {"$ref": "#/$defs/delta"}}
    if event_type in _WITH_DELTA:
        return rows | {"minItems": 1}
    return _or_null(rows) if event_type is _T.PAID else _NULL


def _closed(required: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def _explained(properties: Schema, descriptions: Mapping[str, str]) -> Schema:
    return {name: _described(schema, descriptions.get(name)) for name, schema in properties.items()}


def _described(schema: object, description: str | None) -> object:
    return schema if description is None else {**cast("Schema", schema), "description": description}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, _NULL]}


def _short(characters: int) -> Schema:
    return {"type": "string", "maxLength": characters}
