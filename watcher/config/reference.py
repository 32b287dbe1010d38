"""All keys of the config file as a page in Markdown, made from the settings: docs/configuration.md is this text."""

import json
import re
from collections.abc import Collection, Mapping
from typing import cast

from watcher.config.endpoint_settings import EndpointSettings
from watcher.config.endpoints import ENDPOINT_KEYS, NOTIFY_KEYS
from watcher.config.hint_settings import SourceHintSettings
from watcher.config.http_settings import HttpSettings, TokenSettings
from watcher.config.json_schemas import CREDENTIAL, SECTIONS, Schema, table_schema
from watcher.config.notify_settings import NotifySettings
from watcher.config.settings import SourceSettings
from watcher.config.settings_base import Settings
from watcher.config.sources import OWN_KEYS
from watcher.config.values.durations import FASTEST_RATE, LONGEST, format_duration, format_rate
from watcher.config.values.types import NAME_PATTERN
from watcher.providers.toolkit.kind import ProviderKind

_INTRODUCTION = f"""\
# Configuration

Every table and key of `watcher.toml`: what may be written, what holds without it, and what it does. \
`invoice-watcher init` writes a file with all of them, and `invoice-watcher check` names every mistake in yours with \
its line. `invoice-watcher schema reference` prints this page from the settings of the program, and with the keys of \
your own [adapter files](adapter-file.md).

| | |
|---|---|
| duration | whole numbers with `ms`, `s`, `m`, `h` or `d`, also joined: `"1h30m"`; \
at most {format_duration(LONGEST)} |
| rate | a whole number for each second, minute or hour: `"5/s"`, `"30/m"`, `"1000/h"`; \
at most {format_rate(FASTEST_RATE)} |
| secret | where it is, never the secret itself: `{{ env = "NAME" }}` (environment variable), \
`{{ file = "PATH" }}` or `{{ credential = "NAME" }}` (systemd) |
| path | relative ones start at the folder of the config file |
| NAME | `{NAME_PATTERN.strip("^$")}` |
"""
_PROVIDERS = f"""\
## Providers

What `provider` may be, and what it brings to `[sources.NAME]`. Secrets are required: \
{CREDENTIAL[0].lower()}{CREDENTIAL[1:]} Where no `base_url` is shown, yours is required. \
[What each provider shows](providers.md), and [where each field comes from](shipped-providers.md).

| provider | secrets | other keys | `base_url` | `rate` | `timezone` |
|---|---|---|---|---|---|
"""
_HEAD = "| key | what may be written | default | |\n|---|---|---|---|\n"
_PAGE = re.compile(r"docs/([\w-]+)\.md")


def reference(providers: Mapping[str, ProviderKind]) -> str:
    """The page, with the keys of these providers."""
    parts = [_INTRODUCTION]
    for name, model in SECTIONS.items():
        keys = [key for key in model.model_fields if (model, key) != (HttpSettings, "tokens")]
        parts.append(_table(name, model, keys))
        if model is HttpSettings:
            parts.append(_table("http.tokens.NAME", TokenSettings, TokenSettings.model_fields))
    parts += [
        _table("sources.NAME", SourceSettings, [key for key in OWN_KEYS if key != "hints"]),
        _table("sources.NAME.hints", SourceHintSettings, SourceHintSettings.model_fields),
        _PROVIDERS + "".join(map(_provider, providers.values())),
        _table("endpoints.NAME", EndpointSettings, ENDPOINT_KEYS),
        _table("notify.NAME", NotifySettings, NOTIFY_KEYS),
    ]
    return "\n".join(parts)


def _table(name: str, model: type[Settings], keys: Collection[str]) -> str:
    definitions: Schema = {}
    schema = table_schema(model, definitions)
    properties = cast("Mapping[str, Schema]", schema["properties"])
    required = cast("Collection[str]", schema.get("required", ()))
    rows = (
        (
            f"`{key}`",
            _escaped(_words(properties[key], definitions)),
            _default(key, properties[key], required),
            _escaped(str(properties[key]["description"])),
        )
        for key in keys
    )
    return f"## [{name}]\n\n{_escaped(str(schema['description']))}\n\n{_HEAD}" + "".join(map(_row, rows))


def _provider(kind: ProviderKind) -> str:
    others = {**kind.options, **kind.texts}
    return _row(
        [
            f"`{kind.name}`",
            ", ".join(f"`{key}`" for key in kind.credentials),
            "; ".join(f"`{key} = {_toml(value)}`" for key, value in others.items()),
            f"`{_toml(kind.base_url)}`" if kind.base_url else "",
            f"`{_toml(format_rate(kind.rate))}`",
            f"`{_toml(kind.timezone)}`",
        ]
    )


def _words(schema: Schema, definitions: Mapping[str, object]) -> str:
    """What may be written, in plain words. A type without words is a KeyError: it needs a title."""
    if "$ref" in schema:
        named = definitions[str(schema["$ref"]).rpartition("/")[2]]
        return _words({**cast("Schema", named), "title": None}, definitions)
    if title := schema.get("title"):
        return str(title)
    if "enum" in schema:
        return ", ".join(f"`{_toml(word)}`" for word in cast("list[str]", schema["enum"]))
    if "anyOf" in schema:  # a key that may be left out
        kinds = cast("list[Schema]", schema["anyOf"])
        return " or ".join(_words(kind, definitions) for kind in kinds if kind.get("type") != "null")
    return f"list, each a {_words(cast('Schema', schema['items']), definitions)}"


def _default(key: str, schema: Schema, required: Collection[str]) -> str:
    if key in ("base_url", "rate", "timezone") and key in required:
        return "[the provider's](#providers)"
    if key in required:
        return "required"
    default = schema.get("default")
    return "none" if default is None else f"`{_toml(default)}`"


def _toml(value: object) -> str:
    """As TOML writes it, which is as JSON does for what settings have."""
    return json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    """Text in one line as Markdown shows it unchanged, but for names of our pages, which become links; code stays."""
    parts = " ".join(text.split()).split("`")
    parts[::2] = [_PAGE.sub(r"[\1.md](\1.md)", re.sub(r"([*<])", r"\\\1", part)) for part in parts[::2]]
    return "`".join(parts).replace("|", r"\|")


def _row(cells: Collection[str]) -> str:
    return f"| {' | '.join(cell or '—' for cell in cells)} |\n"
