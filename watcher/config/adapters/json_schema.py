"""The JSON Schema of adapter files, for editors and for `invoice-watcher provider schema`."""

from typing import cast

from watcher.config.adapters.expressions import CONDITION_KEYS, VALUE_KEYS
from watcher.config.adapters.field_types import REFERS, SELECTION_SCHEMA
from watcher.config.adapters.models import (
    AmountsTable,
    AnswerTable,
    AuthTable,
    BatchTable,
    ChangedSinceTable,
    EachTable,
    ExampleTable,
    FailedBetweenTable,
    HintsTable,
    HttpTable,
    InvoiceTable,
    ListTable,
    MapTable,
    PagesTable,
    ProbeTable,
    RefusalTable,
    StatusTable,
)
from watcher.config.json_schemas import DIALECT, Schema, table_schema
from watcher.config.settings import Settings
from watcher.config.values.types import NAME_PATTERN
from watcher.core.invoices.invoice import Status

_TABLES: dict[str, type[Settings]] = {
    "http": HttpTable,
    "auth": AuthTable,
    "refusal": RefusalTable,
    "invoice": InvoiceTable,
    "probe": ProbeTable,
    "batch": BatchTable,
    "hints": HintsTable,
}
_INNER: dict[str, dict[str, type[Settings]]] = {
    "list": {"pages": PagesTable, "each": EachTable, "changed_since": ChangedSinceTable},
    "map": {"status": StatusTable, "amounts": AmountsTable, "failed_between": FailedBetweenTable},
}
_VALUE: Schema = {"$ref": "#/$defs/value"}
_CONDITION: Schema = {"$ref": "#/$defs/condition"}


def adapter_schema() -> Schema:
    definitions: Schema = {"value": _value(), "condition": _condition()}
    tables: Schema = {name: table_schema(model, definitions) for name, model in _TABLES.items()}
    for name, model in (("list", ListTable), ("map", MapTable)):
        table = table_schema(model, definitions)
        properties = cast("Schema", table["properties"])
        properties |= {key: table_schema(inner, definitions) for key, inner in _INNER[name].items()}
        tables[name] = table
    mapped = cast("Schema", cast("Schema", tables["map"])["properties"])
    mapped["values"] = {"type": "object", "additionalProperties": _VALUE}
    whole: Schema = {
        "$schema": DIALECT,
        "title": "Invoice Watcher adapter file",
        "type": "object",
        "properties": {
            "name": {"type": "string", "pattern": NAME_PATTERN, "description": "What sources say as `provider`."},
            "about": {"type": "string"},
            **tables,
            "answers": {"type": "array", "items": table_schema(AnswerTable, definitions)},
            "example": {"type": "array", "items": table_schema(ExampleTable, definitions)},
        },
        "required": ["name", "auth", "invoice", "probe", "map"],
        "additionalProperties": False,
        "$defs": definitions,
    }
    return cast("Schema", _referring(whole))


def _referring(node: object) -> object:
    if isinstance(node, list):
        return [_referring(item) for item in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    members = {key: _referring(item) for key, item in cast("Schema", node).items()}
    if (name := members.pop(REFERS, None)) is not None:
        members["$ref"] = f"#/$defs/{name}"
    return members


def _one(key: str, schema: Schema, **more: Schema) -> Schema:
    properties = {key: schema, **more}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _value() -> Schema:
    lists: list[Schema] = [
        _one(key, {"type": "array", "items": _VALUE, "minItems": 2 if key == "subtract" else 1})
        for key in VALUE_KEYS
        if key in {"add", "subtract", "min", "max"}
    ]
    return {
        "description": "A number, exactly: a selection, `$name` of map.values, or a whole number.",
        "anyOf": [
            {"type": "integer"},
            {"type": "string"},
            _one("sum", SELECTION_SCHEMA, of=_VALUE),
            _one("count", SELECTION_SCHEMA),
            *lists,
            _one("if", _CONDITION, then=_VALUE, **{"else": _VALUE}),
        ],
    }


def _condition() -> Schema:
    words: Schema = {"enum": [status.value for status in Status if status is not Status.PARTIALLY_PAID]}
    forms: dict[str, Schema] = {
        "status": {"anyOf": [words, {"type": "array", "items": words}]},
        "positive": _VALUE,
        "zero": _VALUE,
        "all": {"type": "array", "items": _CONDITION, "minItems": 1},
        "any": {"type": "array", "items": _CONDITION, "minItems": 1},
        "not": _CONDITION,
    }
    return {
        "description": "True or false: a selection that gives something, or a table.",
        "anyOf": [{"type": "boolean"}, SELECTION_SCHEMA, *(_one(key, forms[key]) for key in CONDITION_KEYS)],
    }
