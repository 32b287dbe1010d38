"""The settings as the rest of the program sees them: checked, complete, frozen. Made by `config.load`.

Each model is one table of the config file, each field one key with its default. A field raises its own errors, so that
they can name the line in the config file; a field that is checked against others comes after them.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from watcher.config.endpoint_settings import EndpointSettings
from watcher.config.hint_settings import HintsSettings, SourceHintSettings
from watcher.config.http_settings import HttpSettings
from watcher.config.notify_settings import NotifySettings
from watcher.config.settings_base import Settings
from watcher.config.values.durations import format_duration
from watcher.config.values.types import (
    Cron,
    DatabaseUrl,
    Duration,
    Flag,
    Folder,
    Keeping,
    OptionText,
    Pattern,
    Period,
    ProviderUrl,
    Rate,
    Secret,
    Timeout,
    Zone,
    one_of_each,
)
from watcher.providers.toolkit.kind import ProviderKind

_SHORTEST_HISTORY = timedelta(days=90)


class DatabaseSettings(Settings):
    url: DatabaseUrl = Field(default=SecretStr("sqlite:///invoice-watcher.db"), validate_default=True)
    """`sqlite:////absolute/path.db` or `postgresql://…`; relative SQLite paths have been made absolute."""
    wait: Duration = timedelta(minutes=2)
    """How long `run` waits at its start for a database that cannot be reached."""


class WatcherSettings(Settings):
    watchlists: tuple[Pattern, ...] = ("watchlists/*.toml", "watchlists/*.csv")
    adapters: tuple[Pattern, ...] = ()
    """Adapter files: each adds a provider."""
    grace: Duration = timedelta(0)
    """How long after the due instant an invoice becomes overdue."""
    due_soon: tuple[Period, ...] = (timedelta(days=7), timedelta(days=1))
    reminders: tuple[Period, ...] = Field(
        default=(timedelta(days=1), timedelta(days=7), timedelta(days=30)), validate_default=True
    )
    """Counted from the due instant; each longer than `grace`."""
    clock_wait: Period = timedelta(hours=1)
    """How long a clock event waits for a new poll of its invoice."""
    announce_tracked: Flag = False
    customer_names: Flag = False
    keep_settled: Keeping = timedelta(days=90)
    """None is "forever"."""
    failing_after: Period = timedelta(minutes=15)
    shutdown_grace: Period = timedelta(seconds=20)

    @field_validator("due_soon", "reminders")
    @classmethod
    def _once(cls, offsets: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        one_of_each(offsets)
        return offsets

    @field_validator("reminders")
    @classmethod
    def _after_grace(cls, offsets: tuple[timedelta, ...], context: ValidationInfo) -> tuple[timedelta, ...]:
        grace = context.data.get("grace", timedelta(0))
        for offset in offsets:
            if offset <= grace:
                raise ValueError(
                    f'"{format_duration(offset)}" is not after grace, must be more than "{format_duration(grace)}"'
                )
        return offsets


class Policy(StrEnum):
    ADAPTIVE = "adaptive"
    FIXED = "fixed"
    CRON = "cron"


class Weight(StrEnum):
    NONE = "none"
    AMOUNT = "amount"


class PollingSettings(Settings):
    policy: Policy = Policy.ADAPTIVE
    """adaptive makes as many requests as fixed, and polls most often where changes are likely."""
    every: Period = timedelta(minutes=15)
    """fixed: the time between two polls. adaptive: the average over all open invoices, or longer."""
    cron: Cron | None = Field(default=None, validate_default=True)
    """Five fields as the user wrote them; set only if the policy is cron."""
    fastest: Period = timedelta(minutes=1)
    slowest: Period = Field(default=timedelta(hours=24), validate_default=True)
    weight: Weight = Weight.NONE
    """amount: adaptive polls an invoice four times as large as another one twice as often."""
    confirm_deleted: Duration = timedelta(minutes=10)

    @field_validator("cron")
    @classmethod
    def _cron_iff_policy(cls, cron: str | None, context: ValidationInfo) -> str | None:
        if context.data.get("policy") is not Policy.CRON:
            return None
        if cron is None:
            raise ValueError('is missing, must be set where policy is "cron", such as "*/10 8-18 * * 1-5"')
        return cron

    @field_validator("slowest")
    @classmethod
    def _not_below_fastest(cls, slowest: timedelta, context: ValidationInfo) -> timedelta:
        fastest = context.data.get("fastest", slowest)
        if slowest < fastest:
            raise ValueError(
                f'"{format_duration(slowest)}" is shorter than fastest, must be "{format_duration(fastest)}" or more'
            )
        return slowest


class RetentionSettings(Settings):
    raw: Period = timedelta(days=90)
    attempts: Period = timedelta(days=30)
    events: Keeping = None
    """None is "forever". Events and snapshots; the newest of each invoice stay."""
    archive: Folder | None = None
    """Where the events of a month are written before they are deleted."""
    audit: Keeping = None
    """None is "forever"."""

    @field_validator("events")
    @classmethod
    def _long_enough(cls, events: timedelta | None) -> timedelta | None:
        if events is not None and events < _SHORTEST_HISTORY:
            least = format_duration(_SHORTEST_HISTORY)
            raise ValueError(f'"{format_duration(events)}" is too short, must be "forever" or at least "{least}"')
        return events


class LogSettings(Settings):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
    """json, console or auto (console on a terminal)."""


Kind = Annotated[ProviderKind, PlainSerializer(lambda kind: kind.digest, return_type=str), WithJsonSchema({})]


class SourceSettings(Settings):
    name: str
    provider: str
    base_url: ProviderUrl
    credentials: Mapping[str, Secret]
    """The provider's keys resolved, such as `{"api_key": …}`."""
    options: Mapping[str, ProviderUrl]
    """The provider's keys that are URLs, such as fragment's `token_url`."""
    texts: Mapping[str, OptionText] = Field(default_factory=dict[str, str])
    """The provider's other keys that are not secret."""
    kind: Kind
    """What `provider` names."""
    timezone: Zone
    rate: Rate
    """Requests per second."""
    timeout: Timeout = timedelta(seconds=15)
    enabled: Flag = True
    discover: Flag = False
    """Watch every unsettled invoice that the provider lists."""
    hints: SourceHintSettings | None = None
    """Taken from the provider's webhooks, and from systems of the operator's, if there is such a table."""
    polling: PollingSettings
    """`[polling]`, overridden by this source's own keys."""


class Configuration(Settings):
    """One reading of the config file and of all secrets it refers to (watch lists are read separately)."""

    path: Path
    database: DatabaseSettings
    watcher: WatcherSettings
    polling: PollingSettings
    retention: RetentionSettings
    http: HttpSettings
    hints: HintsSettings
    log: LogSettings
    sources: Mapping[str, SourceSettings]
    endpoints: Mapping[str, EndpointSettings]
    notify: Mapping[str, NotifySettings] = Field(default_factory=dict[str, NotifySettings])

    @property
    def subscribers(self) -> Mapping[str, EndpointSettings | NotifySettings]:
        """Endpoints and notifications: they share one list of names."""
        return {**self.endpoints, **self.notify}
