"""Providers of other packages, by entry point: `invoice_watcher.providers` names a `ProviderKind` each."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from watcher.config.adapters.shipped import shipped
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.kind import ProviderKind

GROUP = "invoice_watcher.providers"


class PluginBroken(Exception):
    """The message names the package and says what is wrong."""


@cache
def plugins() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def load_plugin(entry: EntryPoint) -> ProviderKind:
    """Raises PluginBroken."""
    package = "of an unknown package" if entry.dist is None else f"of the package {entry.dist.name}"
    where = f"the provider {entry.name!r} {package}"
    try:
        kind: object = entry.load()
    except Exception as error:  # whatever a foreign module does while it is imported
        raise PluginBroken(f"{where} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(kind, ProviderKind):
        raise PluginBroken(f"{where} is no ProviderKind but {type(kind).__name__}")
    if kind.name != entry.name:
        raise PluginBroken(f"{where} calls itself {kind.name!r}, must be the name of its entry point")
    if entry.name in PROVIDERS or entry.name in shipped():
        raise PluginBroken(f"{where} has the name of a built-in provider, must have one of its own")
    return kind


def broken_plugins() -> Mapping[str, str]:
    """What is wrong with those that cannot be used, by name."""
    problems: dict[str, str] = {}
    for name, entry in plugins().items():
        try:
            load_plugin(entry)
        except PluginBroken as error:
            problems[name] = str(error)
    return problems
