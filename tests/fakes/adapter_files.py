"""Providers in code and by file: `tests/data/adapters` has Dollr and Meteroid once more, and an invented one."""

from functools import cache
from pathlib import Path

import pytest

from watcher.config.adapters.built_in import BUILT_IN
from watcher.config.adapters.files import load_adapter
from watcher.config.adapters.read import Adapter
from watcher.providers import PROVIDERS
from watcher.providers.adapter_file.provider import kind_of
from watcher.providers.toolkit.kind import ProviderKind

FOLDER = Path(__file__).parents[1] / "data" / "adapters"


@cache
def file_adapter(name: str) -> Adapter:
    return load_adapter(FOLDER / f"{name}.toml")


def file_kind(name: str) -> ProviderKind:
    return kind_of(file_adapter(name).spec)


class ByFile(str):
    """The name of a provider whose adapter file is meant."""

    __slots__ = ()


DOLLR = pytest.param(ByFile("dollr"), id="dollr by file")
METEROID = pytest.param(ByFile("meteroid"), id="meteroid by file")
SHIPPED = ("chargebee", "lago", "stripe")
EVERY = (*sorted(PROVIDERS), DOLLR, METEROID, *SHIPPED)
SANDBOXED = ("chargeover", "dollr", DOLLR, "fragment", "meteroid", METEROID, "rapyd", *SHIPPED)
"""Those that the sandbox plays: a provider that is new in code is not among them yet."""


def kind_named(name: str) -> ProviderKind:
    return file_kind(name) if isinstance(name, ByFile) else BUILT_IN[name]
