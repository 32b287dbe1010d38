"""The providers that need no configuration: those in code, the adapter files of the package, and plug-ins.

A shipped file is read when somebody asks for its provider: a command that needs none of them waits for none.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from watcher.config.adapters.plugins import PluginBroken, load_plugin, plugins
from watcher.config.adapters.shipped import shipped
from watcher.core.errors import ConfigError
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.kind import ProviderKind

if TYPE_CHECKING:
    from watcher.config.adapters.read import Adapter


@cache
def shipped_adapter(name: str) -> "Adapter":
    # What reads adapter files is a tenth of a start, and most configurations name none.
    from watcher.config.adapters.files import load_adapter  # noqa: PLC0415

    return load_adapter(shipped()[name])


def _shipped_kind(name: str) -> ProviderKind:
    from watcher.providers.adapter_file.provider import kind_of  # noqa: PLC0415 -- same

    return kind_of(shipped_adapter(name).spec)


def _plugin(name: str) -> ProviderKind:
    """Raises ConfigError for one that cannot be used: reading a configuration reports it before."""
    try:
        return load_plugin(plugins()[name])
    except PluginBroken as error:
        raise ConfigError((str(error),)) from error


class _BuiltIn(Mapping[str, ProviderKind]):
    def __getitem__(self, name: str) -> ProviderKind:
        if name in PROVIDERS:
            return PROVIDERS[name]
        return _shipped_kind(name) if name in shipped() else _plugin(name)

    def __iter__(self) -> Iterator[str]:
        yield from PROVIDERS
        yield from shipped()
        yield from (name for name in plugins() if name not in PROVIDERS and name not in shipped())

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in PROVIDERS or name in shipped() or name in plugins()


BUILT_IN: Mapping[str, ProviderKind] = _BuiltIn()
