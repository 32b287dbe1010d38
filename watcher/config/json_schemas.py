"""JSON Schemas of the config file and of watch lists, for editors and for `invoice-watcher schema`."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import cast

from pydantic import SecretStr
from pydantic.json_schema import GenerateJsonSchema

from watcher.config.endpoints import ENDPOINT_KEYS, NOTIFY_KEYS
from watcher.config.hint_settings import HintsSettings
from watcher.config.http_settings import HttpSettings
from watcher.config.notify_settings import NotifySettings
from watcher.config.settings import (
    DatabaseSettings,
    EndpointSettings,
    LogSettings,
    PollingSettings,
    RetentionSettings,
    SourceSettings,
    WatcherSettings,
)
from watcher.config.settings_base import Settings
from watcher.config.sources import OWN_KEYS
from watcher.config.values.durations import format_duration, format_rate
from watcher.config.values.types import LONGEST_NAME, MOST_TAGS, NAME_PATTERN, REFERENCE_SCHEMA
from watcher.config.watchlists.rows import LONGEST_ID, LONGEST_NOTE
from watcher.providers.toolkit.kind import ProviderKind

Schema = dict[str, object]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CREDENTIAL = "From your account at the provider."
"""What a key of `ProviderKind.credentials` is."""
SECTIONS: dict[str, type[Settings]] = {
    "database": DatabaseSettings,
    "watcher": WatcherSettings,
    "polling": PollingSettings,
    "retention": RetentionSettings,
    "http": HttpSettings,
    "hints": HintsSettings,
    "log": LogSettings,
}


class _TomlSchema(GenerateJsonSchema):
    """Shows defaults as the config file would have them, not as pydantic would write them in JSON.

    A title says what may be written. Pydantic would make one of the key's name.
    """

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 -- pydantic's signature
        return False

    def encode_default(self, dft: object) -> object:
        match dft:
            case timedelta():
                return format_duration(dft)
            case float():
                return format_rate(dft)
            case SecretStr():
                return dft.get_secret_value()
            case tuple():
                return [self.encode_default(one) for one in cast("tuple[object, ...]", dft)]
            case _:
                return super().encode_default(dft)


def config_schema(providers: Mapping[str, ProviderKind]) -> Schema:
    """The schema of `watcher.toml`, with the keys of these providers."""
    definitions: Schema = {}
    sections: Schema = {name: table_schema(model, definitions) for name, model in SECTIONS.items()}
    sources = [_source(kind, definitions) for kind in providers.values()]
    return {
        "$schema": DIALECT,
        "title": "Invoice Watcher configuration",
        "type": "object",
        "properties": {
            **sections,
            "sources": _named({"oneOf": sources}),
            "endpoints": _named(_subscriber(EndpointSettings, ENDPOINT_KEYS, ("url", "secrets"), definitions)),
            "notify": _named(_subscriber(NotifySettings, NOTIFY_KEYS, ("urls",), definitions)),
        },
        "additionalProperties": False,
        "$defs": definitions,
    }


def watchlist_schema() -> Schema:
    """The schema of a watch list in TOML. Days are dates there; in JSON they are text."""
    invoice_id: Schema = {
        "anyOf": [{"type": "string", "minLength": 1, "maxLength": LONGEST_ID}, {"type": "integer"}],
        "description": "The provider's id; a whole number is its digits.",
    }
    tags: Schema = {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
        "maxItems": MOST_TAGS,
    }
    invoice: Schema = {
        "type": "object",
        "properties": {
            "id": invoice_id,
            "tags": {**tags, "description": "Besides those of the whole list."},
            "due_on": {"type": "string", "format": "date", "description": "Used where the provider has no due date."},
            "note": {"type": "string", "maxLength": LONGEST_NOTE},
        },
        "required": ["id"],
        "additionalProperties": False,
    }
    return {
        "$schema": DIALECT,
        "title": "Invoice Watcher watch list",
        "type": "object",
        "properties": {
            "source": {"type": "string", "pattern": NAME_PATTERN, "description": "A name of [sources.NAME]."},
            "tags": {**tags, "description": "Tags of every invoice of this list."},
            "invoices": {"type": "array", "items": invoice_id},
            "invoice": {"type": "array", "items": invoice},
        },
        "dependentRequired": {key: ["source"] for key in ("tags", "invoices", "invoice")},
        "additionalProperties": False,
    }


def _named(schema: Schema) -> Schema:
    return {"type": "object", "propertyNames": {"pattern": NAME_PATTERN}, "additionalProperties": schema}


def table_schema(model: type[Settings], definitions: Schema) -> Schema:
    schema = model.model_json_schema(schema_generator=_TomlSchema)
    definitions.update(cast("Schema", schema.pop("$defs", {})))
    schema.pop("title", None)
    return schema


def _subscriber(model: type[Settings], keys: Collection[str], required: Collection[str], definitions: Schema) -> Schema:
    schema = table_schema(model, definitions)
    properties = cast("Schema", schema["properties"])
    return schema | {"properties": {key: properties[key] for key in keys}, "required": list(required)}


def _source(kind: ProviderKind, definitions: Schema) -> Schema:
    own = cast("Schema", table_schema(SourceSettings, definitions)["properties"])
    polling = cast("Schema", table_schema(PollingSettings, definitions)["properties"])
    defaults = {"base_url": kind.base_url, "timezone": kind.timezone, "rate": format_rate(kind.rate)}
    properties: Schema = {key: cast("Schema", own[key]) for key in OWN_KEYS}
    for key, default in defaults.items():
        if default is not None:
            properties[key] = {**cast("Schema", own[key]), "default": default}
    properties["provider"] = {**cast("Schema", own["provider"]), "const": kind.name}
    properties |= {key: {**REFERENCE_SCHEMA, "description": CREDENTIAL} for key in kind.credentials}
    plain = {**kind.options, **kind.texts}
    properties |= {key: {"type": "string", "default": default} for key, default in plain.items()}
    # A source inherits from [polling]: its own schema has no defaults.
    properties |= {
        key: {part: value for part, value in cast("Schema", one).items() if part != "default"}
        for key, one in polling.items()
    }
    required = ["provider", *kind.credentials, *(() if kind.base_url else ("base_url",))]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
