"""The settings as the rest of the program sees them: checked, complete, frozen. Made by `config.load`."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, SecretStr


class Settings(BaseModel):
    """Base of every settings value: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class DatabaseSettings(Settings):
    url: SecretStr
    """`sqlite:////absolute/path.db` or `postgresql://…`; relative SQLite paths are already made absolute."""


class WatcherSettings(Settings):
    watchlists: tuple[str, ...]
    due_soon: tuple[timedelta, ...]
    reminders: tuple[timedelta, ...]
    grace: timedelta
    clock_wait: timedelta
    announce_tracked: bool
    customer_names: bool
    keep_settled: timedelta | None
    """None is "forever"."""
    failing_after: timedelta
    shutdown_grace: timedelta


class Policy(StrEnum):
    ADAPTIVE = "adaptive"
    FIXED = "fixed"
    CRON = "cron"


class PollingSettings(Settings):
    policy: Policy
    every: timedelta
    cron: str | None
    """Five fields as the user wrote them; set iff the policy is cron."""
    fastest: timedelta
    slowest: timedelta
    confirm_deleted: timedelta


class RetentionSettings(Settings):
    raw: timedelta
    attempts: timedelta


class HttpSettings(Settings):
    listen: str
    token: SecretStr | None


class LogSettings(Settings):
    level: str
    format: str
    """json, console or auto (console on a terminal)."""


class SourceSettings(Settings):
    name: str
    provider: str
    base_url: str
    credentials: Mapping[str, SecretStr]
    """The provider's keys resolved, such as `{"api_key": …}`."""
    options: Mapping[str, str]
    """The provider's keys that are no secrets, such as fragment's `token_url`."""
    timezone: ZoneInfo
    rate: float
    """Requests per second."""
    timeout: timedelta
    enabled: bool
    polling: PollingSettings
    """`[polling]` with this source's own keys laid over it."""


class Payload(StrEnum):
    FULL = "full"
    THIN = "thin"


class EndpointSettings(Settings):
    name: str
    url: str
    secrets: tuple[SecretStr, ...]
    events: tuple[str, ...]
    sources: tuple[str, ...]
    tags: tuple[str, ...]
    payload: Payload
    timeout: timedelta
    rate: float
    """Attempts per second."""
    concurrency: int
    retries: tuple[timedelta, ...]
    allow_private: tuple[IPv4Network | IPv6Network, ...]
    allow_ports: tuple[int, ...]
    headers: Mapping[str, SecretStr]
    enabled: bool


class Configuration(Settings):
    """One reading of the config file and of all secrets it refers to (watch lists are read apart)."""

    path: Path
    database: DatabaseSettings
    watcher: WatcherSettings
    polling: PollingSettings
    retention: RetentionSettings
    http: HttpSettings
    log: LogSettings
    sources: Mapping[str, SourceSettings]
    endpoints: Mapping[str, EndpointSettings]
