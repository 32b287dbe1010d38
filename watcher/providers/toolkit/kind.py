"""What a provider is to the rest of the program: its name, its keys and defaults, and how to build its adapter."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import aiohttp

from watcher.clock import Clock, Random
from watcher.ports import HintScheme, Provider


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

BuildHintScheme = Callable[[Sequence[str], Mapping[str, str]], HintScheme]
"""From the secrets for hints and the credentials of the account.

Raises ValueError for an unusable secret, with a message for operators that repeats none of it.
"""


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """`credentials` are required secrets; `options` are optional URLs with their defaults, `texts` other keys.

    `rate` is in requests per second. `base_url` is None if every account has its own. `batch_size` is that of an
    account that has batches: an adapter knows its own.

    `digest` is that of an adapter file: replicas compare it.

    `hint_scheme` is None if the provider sends no webhooks. `hints_need_secret` is False if it signs them with the
    credentials. `hints_cover_url`: the signature covers the URL that is configured at the provider.
    """

    name: str
    credentials: tuple[str, ...]
    base_url: str | None
    rate: float
    build: BuildProvider
    timezone: str = "UTC"
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    batch_size: int = 1
    digest: str = ""
    hint_scheme: BuildHintScheme | None = None
    hints_need_secret: bool = True
    hints_cover_url: bool = False
