"""`[endpoints.*]` and `[notify.*]`: who gets webhooks and messages. They share one list of names."""

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from watcher.config.endpoint_settings import EndpointSettings
from watcher.config.notify_settings import NotifySettings
from watcher.config.toml.messages import key_text, meant, shown
from watcher.config.toml.positions import KeyPath
from watcher.config.toml.reading import Reading, TomlFile
from watcher.config.toml.tables import subtable, unknown_keys, validated
from watcher.config.values.types import check_name
from watcher.notify import services

ENDPOINT_KEYS = tuple(key for key in EndpointSettings.model_fields if key != "name")
NOTIFY_KEYS = tuple(key for key in NotifySettings.model_fields if key != "name")
_GLOB = frozenset("*?[")

_Subscriber = TypeVar("_Subscriber", EndpointSettings, NotifySettings)


def read_endpoints(file: TomlFile, reading: Reading, sources: Collection[str]) -> dict[str, EndpointSettings]:
    """`sources` are the names of all sources of the file, including wrong ones."""
    return _read(EndpointSettings, "endpoints", ENDPOINT_KEYS, file=file, reading=reading, sources=sources)


def read_notify(file: TomlFile, reading: Reading, sources: Collection[str]) -> dict[str, NotifySettings]:
    notify = _read(NotifySettings, "notify", NOTIFY_KEYS, file=file, reading=reading, sources=sources)
    if file.table.get("notify") and not services.is_installed():
        words = f"needs Apprise, which is not installed: {services.EXTRA}"
        reading.problems.append(file.problem(("notify",), words))
    endpoints = _tables(file, "endpoints")
    for name in _tables(file, "notify"):
        if name in endpoints:
            other = file.problem(("endpoints", name), "")
            words = f"has the name of {key_text(('endpoints', name))} in line {other.line}, must have another"
            reading.problems.append(file.problem(("notify", name), words))
    return notify


def _read(
    model: type[_Subscriber],
    table_name: str,
    keys: Collection[str],
    *,
    file: TomlFile,
    reading: Reading,
    sources: Collection[str],
) -> dict[str, _Subscriber]:
    read: dict[str, _Subscriber] = {}
    for name in subtable(file, reading, (table_name,)):
        path = (table_name, name)
        if (wrong := check_name(name)) is not None:
            reading.problems.append(file.problem(path, wrong))
        table = subtable(file, reading, path)
        reading.problems.extend(unknown_keys(table, keys, file=file, path=path))
        values = {key: value for key, value in table.items() if key in keys}
        one = validated(model, {**values, "name": name}, file=file, path=path, reading=reading)
        if one is not None:
            read[name] = one
            _check_sources(path, one.sources, file=file, reading=reading, known=sources)
    return read


def _tables(file: TomlFile, name: str) -> Collection[str]:
    value = file.table.get(name)
    return tuple(map(str, value)) if isinstance(value, Mapping) else ()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] -- TOML


def _check_sources(
    table: KeyPath, globs: Sequence[str], *, file: TomlFile, reading: Reading, known: Collection[str]
) -> None:
    for number, glob in enumerate(globs):
        if any(fnmatchcase(source, glob) for source in known):
            continue
        path = (*table, "sources", number)
        if _GLOB.isdisjoint(glob):
            words = f"{shown(glob)} is not a source{meant(glob, known)}, allowed: globs over the names of sources"
            reading.problems.append(file.problem(path, words))
        elif known:
            reading.warnings.append(str(file.problem(path, f"{shown(glob)} matches no source")))
