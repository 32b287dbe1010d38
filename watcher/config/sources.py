"""`[polling]` and `[sources.*]`: keys of every source, of its provider, and of polling over the defaults."""

from collections.abc import Mapping
from typing import cast

from watcher.config.adapters.kinds import Kinds
from watcher.config.hint_settings import HintsSettings
from watcher.config.http_settings import HttpSettings
from watcher.config.settings import PollingSettings, SourceSettings
from watcher.config.toml.messages import meant, one_of, shown
from watcher.config.toml.positions import KeyPath
from watcher.config.toml.reading import Reading, Table, TomlFile
from watcher.config.toml.tables import subtable, unknown_keys, validated
from watcher.config.values.durations import format_rate
from watcher.config.values.types import check_name
from watcher.providers.toolkit.hints import hint_schemes
from watcher.providers.toolkit.kind import ProviderKind

OWN_KEYS = ("provider", "base_url", "timezone", "rate", "timeout", "enabled", "discover", "hints")
POLLING_KEYS = tuple(PollingSettings.model_fields)


def read_polling(file: TomlFile, reading: Reading) -> tuple[PollingSettings | None, Table]:
    """The defaults, and those of their keys as written that a source may safely inherit."""
    table = subtable(file, reading, ("polling",))
    first = len(reading.problems)
    settings = validated(PollingSettings, table, file=file, path=("polling",), reading=reading)
    wrong = {problem.key.partition(".")[2].partition("[")[0] for problem in reading.problems[first:]}
    if settings is None and {"slowest", "cron"} & wrong:
        wrong |= {"fastest", "policy"}
    return settings, {key: value for key, value in table.items() if key not in wrong}


def read_sources(file: TomlFile, reading: Reading, kinds: Kinds, polling: Table) -> dict[str, SourceSettings]:
    sources: dict[str, SourceSettings] = {}
    for name in subtable(file, reading, ("sources",)):
        path = ("sources", name)
        if (wrong := check_name(name)) is not None:
            reading.problems.append(file.problem(path, wrong))
        table = subtable(file, reading, path)
        kind = _kind(table, file=file, path=path, reading=reading, kinds=kinds)
        if kind is None:
            continue
        source = _source(name, table, kind, file=file, reading=reading, polling=polling)
        if source is not None:
            sources[name] = source
    return sources


def _kind(table: Table, *, file: TomlFile, path: KeyPath, reading: Reading, kinds: Kinds) -> ProviderKind | None:
    word, providers = table.get("provider"), kinds.known
    if word is None:
        reading.problems.append(file.problem((*path, "provider"), f"is missing, must be {one_of(providers)}"))
        return None
    if isinstance(word, str) and word in kinds.broken:
        return None  # its mistakes are problems already
    if not isinstance(word, str) or word not in providers:
        words = f"{shown(word)} is unknown{meant(str(word), providers)}, must be {one_of(providers)}"
        reading.problems.append(file.problem((*path, "provider"), words))
        return None
    return providers[word]


def _source(
    name: str, table: Table, kind: ProviderKind, *, file: TomlFile, reading: Reading, polling: Table
) -> SourceSettings | None:
    path: KeyPath = ("sources", name)
    known = (*OWN_KEYS, *kind.credentials, *kind.options, *kind.texts, *POLLING_KEYS)
    reading.problems.extend(unknown_keys(table, known, file=file, path=path))
    own_polling = {key: value for key, value in table.items() if key in POLLING_KEYS}
    merged = validated(PollingSettings, {**polling, **own_polling}, file=file, path=path, reading=reading)
    values: dict[str, object] = {
        "name": name,
        "provider": kind.name,
        "rate": format_rate(kind.rate),
        "timezone": kind.timezone,
        **{key: table[key] for key in OWN_KEYS if key in table},
        "credentials": {key: table[key] for key in kind.credentials if key in table},
        "options": {**kind.options, **{key: table[key] for key in kind.options if key in table}},
        "texts": {**kind.texts, **{key: table[key] for key in kind.texts if key in table}},
        "kind": kind,
        "polling": merged or PollingSettings(),
    }
    if "base_url" not in values and kind.base_url is not None:
        values["base_url"] = kind.base_url
    missing = [key for key in kind.credentials if key not in table]
    for key in missing:
        variable = f"{name}_{key}".upper().replace("-", "_")
        words = f'is missing, must say where the secret is, such as {{ env = "{variable}" }}'
        reading.problems.append(file.problem((*path, key), words))
    renamed: dict[KeyPath, KeyPath] = {
        (part, key): (key,) for part in ("credentials", "options", "texts") for key in cast("Table", values[part])
    }
    source = validated(SourceSettings, values, file=file, path=path, reading=reading, renamed=renamed)
    if merged is None or missing or source is None:
        return None
    if (wrong := _wrong_hints(kind, source)) is not None:
        reading.problems.append(file.problem((*path, "hints"), wrong))
    return source


def _wrong_hints(kind: ProviderKind, source: SourceSettings) -> str | None:
    if source.hints is None:
        return None
    credentials = {key: secret.get_secret_value() for key, secret in source.credentials.items()}
    try:
        hint_schemes(kind, secrets=source.hints.all_secrets, tokens=source.hints.all_tokens, credentials=credentials)
    except ValueError as error:
        return str(error)
    return None


def check_hints(
    file: TomlFile,
    reading: Reading,
    *,
    sources: Mapping[str, SourceSettings],
    hints: HintsSettings,
    http: HttpSettings,
) -> None:
    """What `[hints]` and the sources need of each other."""
    takers = [source for source in sources.values() if source.hints is not None]
    for source in takers:
        is_signed = source.hints is not None and (source.hints.all_secrets or not source.kind.hints_need_secret)
        if is_signed and source.kind.hints_cover_url and hints.public_url is None:
            words = f'is missing, {source.provider} signs the URL that it calls: such as "https://hooks.example.com"'
            reading.problems.append(file.problem(("hints", "public_url"), words))
            break
    if takers and not hints.listen and not http.listen:
        words = "has no address to listen on: set it, or http.listen"
        reading.problems.append(file.problem(("hints", "listen"), words))
    if hints.listen and hints.listen == http.listen:
        reading.problems.append(file.problem(("hints", "listen"), 'is that of [http]: leave it "" to share that one'))
