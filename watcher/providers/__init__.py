"""The billing providers: a new one is a file with a `KIND`, and a line in this table."""

from collections.abc import Mapping
from types import MappingProxyType

from watcher.providers import chargeover, dollr, fragment, meteroid, rapyd
from watcher.providers.toolkit.kind import ProviderKind

PROVIDERS: Mapping[str, ProviderKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            fragment.KIND,
            meteroid.KIND,
            dollr.KIND,
            rapyd.KIND,
            chargeover.KIND,
        )
    }
)
