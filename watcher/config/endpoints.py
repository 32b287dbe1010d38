"""`[endpoints.*]`."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from watcher.config.settings import EndpointSettings
from watcher.config.toml.messages import meant, shown
from watcher.config.toml.reading import Reading, TomlFile
from watcher.config.toml.tables import subtable, unknown_keys, validated
from watcher.config.values.types import check_name

ENDPOINT_KEYS = tuple(key for key in EndpointSettings.model_fields if key != "name")
_GLOB = frozenset("*?[")


def read_endpoints(file: TomlFile, reading: Reading, sources: Collection[str]) -> dict[str, EndpointSettings]:
    """`sources` are the names of all sources of the file, including wrong ones."""
    endpoints: dict[str, EndpointSettings] = {}
    for name in subtable(file, reading, ("endpoints",)):
        path = ("endpoints", name)
        if (wrong := check_name(name)) is not None:
            reading.problems.append(file.problem(path, wrong))
        table = subtable(file, reading, path)
        reading.problems.extend(unknown_keys(table, ENDPOINT_KEYS, file=file, path=path))
        values = {key: value for key, value in table.items() if key in ENDPOINT_KEYS}
        endpoint = validated(EndpointSettings, {**values, "name": name}, file=file, path=path, reading=reading)
        if endpoint is not None:
            endpoints[name] = endpoint
            _check_sources(name, endpoint.sources, file=file, reading=reading, known=sources)
    return endpoints


def _check_sources(
    name: str, globs: Sequence[str], *, file: TomlFile, reading: Reading, known: Collection[str]
) -> None:
    for number, glob in enumerate(globs):
        if any(fnmatchcase(source, glob) for source in known):
            continue
        path = ("endpoints", name, "sources", number)
        if _GLOB.isdisjoint(glob):
            words = f"{shown(glob)} is not a source{meant(glob, known)}, allowed: globs over the names of sources"
            reading.problems.append(file.problem(path, words))
        elif known:
            reading.warnings.append(str(file.problem(path, f"{shown(glob)} matches no source")))
