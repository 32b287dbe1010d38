"""What a provider is to the rest of the program: its name, its keys and defaults, and how to build its adapter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import aiohttp

from watcher.clock import Clock, Random
from watcher.ports import Provider


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a provider, secrets in plain text: never log it (its repr shows none)."""

    name: str
    base_url: str
    timezone: ZoneInfo
    timeout: timedelta
    credentials: Mapping[str, str] = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict[str, str])


BuildProvider = Callable[[Account, aiohttp.ClientSession, Clock, Random], Provider]


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """`credentials` are required secrets; `options` are optional plain keys with their defaults.

    `rate` is in requests per second. `base_url` is None if every account has its own. `batch_size` is that of an
    account that has batches: an adapter knows its own.
    """

    name: str
    credentials: tuple[str, ...]
    base_url: str | None
    rate: float
    build: BuildProvider
    timezone: str = "UTC"
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    batch_size: int = 1
