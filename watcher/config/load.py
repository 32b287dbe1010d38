"""Reads and checks the config file and everything it refers to (secrets, watch lists) in one go."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, cast

from pydantic import ValidationError

from watcher.config.adapters.kinds import read_kinds
from watcher.config.adapters.plugins import broken_plugins
from watcher.config.endpoints import read_endpoints, read_notify
from watcher.config.hint_settings import HintsSettings
from watcher.config.http_settings import read_http
from watcher.config.settings import (
    Configuration,
    DatabaseSettings,
    LogSettings,
    RetentionSettings,
    Settings,
    WatcherSettings,
)
from watcher.config.sources import check_hints, read_polling, read_sources
from watcher.config.toml.reading import Problem, Reading, Stamp, TomlFile
from watcher.config.toml.tables import subtable, unknown_keys, validated
from watcher.config.watchlists.lists import read_lists
from watcher.core.errors import ConfigError
from watcher.ports import DesiredWatch, ListDigest, WatchLists
from watcher.providers.toolkit.kind import ProviderKind

VARIABLE = "INVOICE_WATCHER_CONFIG"
PLACES = (Path("config/watcher.toml"), Path("/etc/invoice-watcher/watcher.toml"))
TABLES = ("database", "watcher", "polling", "retention", "http", "hints", "log", "sources", "endpoints", "notify")

Stored = Callable[[Configuration], ListDigest | None]
"""Which lists the watches in this configuration's database match, None if unknown."""

_Model = TypeVar("_Model", bound=Settings)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reading has read, to notice later changes: files as they were, and list patterns."""

    base: Path = Path()
    stamps: Mapping[Path, Stamp] = field(default_factory=dict[Path, Stamp])
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """One good reading. `files` is every file that was read."""

    configuration: Configuration
    lists: WatchLists
    warnings: tuple[str, ...]
    files: tuple[Path, ...]
    seen: Seen = field(default_factory=Seen)

    @property
    def entries(self) -> tuple[DesiredWatch, ...]:
        """The united watches of all lists, if they were read."""
        return self.lists.entries or ()


class BadReading(ConfigError):
    """A ConfigError that knows which files it came from: a change in any of them is worth a new reading."""

    def __init__(self, problems: tuple[str, ...], seen: Seen) -> None:
        super().__init__(problems)
        self.seen = seen


def nothing_stored(configuration: Configuration) -> None:
    """Makes `load` read every list."""
    del configuration


def find(explicit: Path | None, environment: Mapping[str, str]) -> Path:
    """The config file to use: the one named, else the first that exists. Raises ConfigError if there is none."""
    named = explicit or (Path(environment[VARIABLE]) if environment.get(VARIABLE) else None)
    if named is not None:
        if named.exists():
            return named
        origin = "named by --config" if explicit else f"named by ${VARIABLE}"
        raise ConfigError((f"{named}: is not there ({origin}), `invoice-watcher init` makes a new one",))
    for place in PLACES:
        if place.exists():
            return place
    places = ", ".join(("--config", f"${VARIABLE}", *map(str, PLACES)))
    raise ConfigError((f"no config file: tried {places}; `invoice-watcher init` makes a new one",))


def load(
    path: Path,
    providers: Mapping[str, ProviderKind],
    environment: Mapping[str, str],
    *,
    credentials: MutableMapping[str, str] | None = None,
    stored: Stored = nothing_stored,
) -> Loaded:
    """Read everything. Raises ConfigError (a BadReading) with all mistakes of all files at once.

    `credentials` keeps the contents of systemd's credentials for later readings. Lists that the `stored` watches match
    already are not read.
    """
    reading = Reading(path, environment, {} if credentials is None else credentials)
    file = reading.toml(path)
    configuration, lists = (None, None) if file is None else _read(file, reading, providers, stored)
    seen = Seen(reading.base, dict(reading.stamps), (*reading.patterns, *reading.adapter_patterns))
    if configuration is None or lists is None or reading.problems:
        raise BadReading(reading.problem_lines(), seen)
    if not configuration.sources:
        reading.warnings.append(f"{path}: has no [sources.NAME]: nothing is polled")
    if not configuration.endpoints and not configuration.notify:
        reading.warnings.append(f"{path}: has no [endpoints.NAME]: events are recorded, and sent to nobody")
    return Loaded(configuration, lists, tuple(reading.warnings), tuple(reading.stamps), seen)


def _read(
    file: TomlFile, reading: Reading, providers: Mapping[str, ProviderKind], stored: Stored
) -> tuple[Configuration | None, WatchLists]:
    reading.problems.extend(unknown_keys(file.table, TABLES, file=file, path=()))
    watcher = _section(WatcherSettings, "watcher", file, reading)
    polling, polling_keys = read_polling(file, reading)
    reading.adapter_patterns = _patterns(file, "adapters") if watcher is None else watcher.adapters
    reading.problems.extend(Problem(file.path, 1, "", words) for words in broken_plugins().values())
    kinds = read_kinds(file, reading.adapter_patterns, reading, providers)
    sources = read_sources(file, reading, kinds, polling_keys)
    names = _names(file, "sources")
    http, hints = read_http(file, reading), _section(HintsSettings, "hints", file, reading)
    if http is not None and hints is not None:
        check_hints(file, reading, sources=sources, hints=hints, http=http)
    parts = {
        "path": file.path,
        "database": _section(DatabaseSettings, "database", file, reading),
        "watcher": watcher,
        "polling": polling,
        "retention": _section(RetentionSettings, "retention", file, reading),
        "http": http,
        "hints": hints,
        "log": _section(LogSettings, "log", file, reading),
        "sources": sources,
        "endpoints": read_endpoints(file, reading, names),
        "notify": read_notify(file, reading, names),
    }
    reading.patterns = _patterns(file, "watchlists") if watcher is None else watcher.watchlists
    configuration = None if reading.problems else Configuration.model_validate(parts)
    mark = None if configuration is None else stored(configuration)
    return configuration, read_lists(file, reading.patterns, reading, names, mark)


def _section(model: type[_Model], name: str, file: TomlFile, reading: Reading) -> _Model | None:
    return validated(model, subtable(file, reading, (name,)), file=file, path=(name,), reading=reading)


def _patterns(file: TomlFile, name: Literal["watchlists", "adapters"]) -> tuple[str, ...]:
    """The patterns of a `[watcher]` with other mistakes, so that mistakes in those files are reported at once."""
    table = file.table.get("watcher")
    written = cast("dict[str, object]", table) if isinstance(table, dict) else {}
    try:
        settings = WatcherSettings.model_validate({key: written[key] for key in written if key == name})
    except ValidationError:
        return ()
    return settings.watchlists if name == "watchlists" else settings.adapters


def _names(file: TomlFile, table: str) -> tuple[str, ...]:
    value = file.table.get(table)
    return tuple(cast("dict[str, object]", value)) if isinstance(value, dict) else ()
