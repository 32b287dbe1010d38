"""Reads the adapter files that a configuration names."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from watcher.config.adapters.read import Adapter, read_adapter
from watcher.config.toml.messages import shown
from watcher.config.toml.reading import Reading, TomlFile
from watcher.config.toml.tables import subtable
from watcher.config.watchlists.lists import matching
from watcher.core.errors import ConfigError
from watcher.providers.adapter_file.provider import kind_of
from watcher.providers.toolkit.kind import ProviderKind

_GLOB = frozenset("*?[")


def read_own_kinds(
    file: TomlFile, patterns: Sequence[str], reading: Reading, built_in: Mapping[str, ProviderKind]
) -> tuple[dict[str, ProviderKind], set[str]]:
    """The providers of the files that the patterns name, and the names in files with mistakes.

    The mistakes go to `reading`.
    """
    own: dict[str, ProviderKind] = {}
    places: dict[str, Path] = {}
    broken: set[str] = set()
    for path in _adapter_files(file, patterns, reading):
        adapter = read_adapter(path, reading)
        if isinstance(adapter, str):
            broken.add(adapter)
            continue
        name = adapter.spec.name
        if name in built_in or name in own:
            other = str(places[name]) if name in own else "a built-in provider"
            words = f"{shown(name)} is the name of {other} already, must be one of its own"
            reading.problems.append(adapter.file.problem(("name",), words))
        own[name], places[name] = kind_of(adapter.spec), path
    return own, broken


def load_adapter(path: Path) -> Adapter:
    """One file on its own. Raises ConfigError with all its mistakes."""
    reading = Reading(path, {})
    adapter = read_adapter(path, reading)
    if isinstance(adapter, str):
        raise ConfigError(reading.problem_lines())
    return adapter


def configured_adapters(config: Path) -> tuple[Adapter, ...]:
    """The adapter files that a config file names, without reading anything else. Raises ConfigError."""
    reading = Reading(config, {})
    file = reading.toml(config)
    if file is None:
        raise ConfigError(reading.problem_lines())
    patterns = subtable(file, reading, ("watcher",)).get("adapters", [])
    listed = cast("list[object]", patterns) if isinstance(patterns, list) else []
    names = [one for one in listed if isinstance(one, str)]
    found = [read_adapter(path, reading) for path in _adapter_files(file, names, reading)]
    if reading.problems:
        raise ConfigError(reading.problem_lines())
    return tuple(adapter for adapter in found if isinstance(adapter, Adapter))


def _adapter_files(file: TomlFile, patterns: Sequence[str], reading: Reading) -> Iterator[Path]:
    seen: set[Path] = set()
    for number, pattern in enumerate(patterns):
        is_glob = not _GLOB.isdisjoint(pattern)
        found = matching(reading.base, pattern) if is_glob else [reading.base / pattern]
        if not found:
            place = ("watcher", "adapters", number)
            reading.warnings.append(str(file.problem(place, f"{shown(pattern)} matches no file")))
        for path in found:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path
