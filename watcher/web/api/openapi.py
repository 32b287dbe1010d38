"""Makes /openapi.json (OpenAPI 3.1) from the operations and models that serve, and from the schema of the events."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Literal, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from watcher import __version__
from watcher.core.invoices.event import EventType
from watcher.core.invoices.event_schema import event_schema
from watcher.ports import FoundBy
from watcher.web.access import COOKIE
from watcher.web.api.operation import CSV, AnyOperation
from watcher.web.api.request_models import Nothing
from watcher.web.api.response_models import COMPONENT
from watcher.web.problems import CONTENT_TYPE, ProblemDocument

Schema = dict[str, Any]

_COMPONENTS = "#/components/schemas/"
_SEGMENT = re.compile(r"\{(\w+)\}")
_ALWAYS_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE)
_WEBHOOK_HEADERS = {
    "webhook-id": "The event's id: the same in every repeat.",
    "webhook-timestamp": "Unix seconds of this attempt.",
    "webhook-signature": "Standard Webhooks 1.0: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.",
}


def document(operations: Iterable[AnyOperation]) -> Schema:
    served = tuple(operations)
    components = _components(served)
    paths: dict[str, Schema] = {}
    for operation in served:
        described = _operation(operation, components)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    _add_files(served, paths)
    for operation in served:
        components.pop(operation.query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Invoice Watcher",
            "version": __version__,
            "description": "Every path segment that is an id is percent-encoded as one segment, `/` as `%2F`. "
            "Lists are read in pages: give `next` as `cursor` until it is null.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "webhooks": {event_type.value: _webhook(event_type) for event_type in EventType},
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `[http]`; what changes something needs one with scope operate. "
                    "Not needed if none is set.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "Set by the login at `/`.",
                },
            },
        },
    }


def _add_files(operations: Iterable[AnyOperation], paths: Mapping[str, Schema]) -> None:
    """A list that is also a file answers with that if CSV is what is accepted."""
    for path in [one.path for one in operations if one.media_type == CSV]:
        listed = paths[path.removesuffix(".csv")]["get"]["responses"]["200"]
        listed["content"][CSV] = {"schema": {"type": "string"}}


def _operation(operation: AnyOperation, components: Mapping[str, Schema]) -> Schema:
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_segments(operation), *_parameters(operation, components)],
        "responses": _responses(operation),
    }
    if operation.is_open:
        described["security"] = []
    if operation.body is not Nothing:
        content = {"application/json": {"schema": _reference(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _responses(operation: AnyOperation) -> Schema:
    responses: Schema = {}
    refusals = {*_ALWAYS_REFUSED, *operation.refusals}
    if not operation.is_open:
        refusals.add(HTTPStatus.UNAUTHORIZED)
    if "cursor" in operation.query.model_fields:
        refusals.add(HTTPStatus.NOT_FOUND)
    for status in refusals:
        content = {CONTENT_TYPE: {"schema": _reference(ProblemDocument)}}
        responses[str(status.value)] = {"description": status.phrase, "content": content}
    for status, model in operation.answers.items():
        answer = responses.setdefault(str(status.value), {"description": status.phrase})
        if status is HTTPStatus.NO_CONTENT:
            continue
        schema = (
            _reference(model) if model else {"type": "string" if operation.media_type.startswith("text/") else "object"}
        )
        answer.setdefault("content", {})[operation.media_type] = {"schema": schema}
    return dict(sorted(responses.items()))


def _segments(operation: AnyOperation) -> list[Schema]:
    allowed = {"enum": list(operation.choices)} if operation.choices else {"minLength": 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"} | allowed}
        for name in _SEGMENT.findall(operation.path)
    ]


def _parameters(operation: AnyOperation, components: Mapping[str, Schema]) -> list[Schema]:
    found = [_parameter(name, schema) for name, schema in _properties(components[operation.query.__name__]).items()]
    if operation.media_type == "text/event-stream":
        cursor = {"type": "string", "pattern": "^[0-9]{1,18}$"}
        found.append({"name": "Last-Event-ID", "in": "header", "required": False, "schema": cursor})
    return found


def _properties(schema: Schema) -> dict[str, Schema]:
    return cast("dict[str, Schema]", schema.get("properties", {}))


def _parameter(name: str, schema: Schema) -> Schema:
    """A query has no null: a parameter that may be left out is simply not required."""
    described = {key: value for key, value in schema.items() if key not in {"anyOf", "default", "title", "description"}}
    for variant in cast("list[Schema]", schema.get("anyOf", [])):
        if variant.get("type") != "null":
            described |= variant
    if schema.get("default") is not None:
        described["default"] = schema["default"]
    parameter: Schema = {"name": name, "in": "query", "required": False, "schema": described}
    return parameter | ({"description": schema["description"]} if "description" in schema else {})


def _components(operations: tuple[AnyOperation, ...]) -> dict[str, Schema]:
    asked = {model for one in operations for model in (one.query, one.body)}
    answer_models = {model for one in operations for model in one.answers.values() if model is not None}
    modes: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in sorted(asked, key=lambda one: one.__name__)),
        *(
            (model, "serialization")
            for model in sorted({*answer_models, ProblemDocument}, key=lambda one: one.__name__)
        ),
    ]
    _, definitions = models_json_schema(modes, ref_template=f"{_COMPONENTS}{{model}}")
    return _events() | cast("dict[str, Schema]", _moved(definitions.get("$defs", {})))


def _events() -> dict[str, Schema]:
    """What the schema of the events contains, and an event of the feed: the body and its cursor."""
    parts = cast("dict[str, Schema]", _moved(cast("Schema", event_schema()["$defs"])))
    variants: list[Schema] = []
    for event_type in EventType:
        whole: Schema = {"$ref": f"{_COMPONENTS}{event_type.value}/properties/data"}
        variants.append({"properties": {"type": {"const": event_type.value}, "data": {"anyOf": [whole, _PURGED]}}})
    event: Schema = {
        "description": "The whole webhook body, and its `cursor` and how it was found. After a purge only its ids are "
        "left.",
        "type": "object",
        "required": ["type", "timestamp", "data", "cursor", "found_by"],
        "properties": {
            "type": {"enum": [event_type.value for event_type in EventType]},
            "timestamp": {"$ref": f"{_COMPONENTS}instant"},
            "data": {"type": "object"},
            "cursor": {"type": "integer", "minimum": 1},
            "found_by": {"enum": [*(one.value for one in FoundBy), None]},
        },
        "additionalProperties": False,
        "oneOf": variants,
    }
    return parts | {"Event": event}


_PURGED: Schema = {
    "type": "object",
    "required": ["event_id", "sequence", "source", "invoice_id", "reason", "changes", "invoice"],
    "properties": {"reason": {"const": "purged"}, "changes": {"maxItems": 0}, "invoice": {"type": "null"}},
}


def _moved(schema: object) -> object:
    """The same schema with its references pointing into the components."""
    if isinstance(schema, list):
        return [_moved(one) for one in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    parts = cast("Schema", schema)
    if COMPONENT in parts:
        return {"$ref": f"{_COMPONENTS}{parts[COMPONENT]}"}
    return {
        key: value.replace("#/$defs/", _COMPONENTS) if key == "$ref" else _moved(value) for key, value in parts.items()
    }


def _webhook(event_type: EventType) -> Schema:
    headers = [
        {"name": name, "in": "header", "required": True, "description": description, "schema": {"type": "string"}}
        for name, description in _WEBHOOK_HEADERS.items()
    ]
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": f"{_COMPONENTS}{event_type.value}"}}}}
    answers = {
        "2XX": {"description": "Received: it is not sent again."},
        "410": {"description": "No more: the endpoint is disabled."},
    }
    summary = f"Sent to the endpoints that want `{event_type.value}`"
    return {
        "post": {"summary": summary, "parameters": headers, "requestBody": body, "responses": answers, "security": []}
    }


def _reference(model: type[BaseModel]) -> Schema:
    return {"$ref": f"{_COMPONENTS}{model.__name__}"}
