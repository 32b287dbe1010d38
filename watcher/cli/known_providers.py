"""The providers that a command can name: those of the program, and the adapter files of a configuration."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from watcher.cli.open_store import unknown
from watcher.cli.options import Invocation
from watcher.config.adapters.built_in import BUILT_IN, shipped_adapter
from watcher.config.adapters.files import configured_adapters, load_adapter
from watcher.config.adapters.read import Adapter
from watcher.config.adapters.shipped import shipped
from watcher.config.environment import environment
from watcher.config.load import find
from watcher.core.errors import ConfigError
from watcher.providers.adapter_file.provider import kind_of
from watcher.providers.toolkit.kind import ProviderKind


def own_adapters(invocation: Invocation) -> Mapping[str, Adapter]:
    """Those of the configuration by name; none without a configuration, or with one whose adapter files are wrong."""
    with suppress(ConfigError):
        found = configured_adapters(find(invocation.config, environment()))
        return {adapter.spec.name: adapter for adapter in found}
    return {}


def known_kind(invocation: Invocation, name: str) -> ProviderKind:
    """Raises NotFound with the nearest name if no provider has it."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    own = own_adapters(invocation)
    if name not in own:
        raise unknown("provider", name, [*BUILT_IN, *own], "comes with the program or is configured")
    return kind_of(own[name].spec)


def known_adapter(invocation: Invocation, name: str) -> Adapter:
    """The adapter of a file, or of a name. Raises ConfigError with all mistakes of the file, NotFound for a name."""
    path = Path(name)
    if path.exists() or path.suffix or "/" in name:
        return load_adapter(path)
    if name in shipped():
        return shipped_adapter(name)
    own = own_adapters(invocation)
    if name not in own:
        raise unknown(
            "adapter file", name, [*shipped(), *own], "comes with the program, is configured or in this folder"
        )
    return own[name]
