"""The settings as the rest of the program sees them: checked, complete, frozen. Made by `config.load`.

Each model is one table of the config file, each field one key with its default. A field raises its own errors, so that
they can name the line in the config file; a field that is checked against others comes after them.

The docstring of a field is for users. Its first paragraph is the comment in config/watcher.toml; schema and
docs/configuration.md show all of it.
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
    """Where everything is kept: a SQLite file, or a PostgreSQL."""

    url: DatabaseUrl = Field(default=SecretStr("sqlite:///invoice-watcher.db"), validate_default=True)
    """Or postgresql://user@host/name for several replicas; may be { env = "NAME" }.

    `sqlite:///file.db` starts at the folder of the config file, `sqlite:////file.db` at the root. A PostgreSQL URL may
    end in `?schema=NAME`. A change takes a restart.
    """
    wait: Duration = timedelta(minutes=2)
    """Wait this long at a start for a database that cannot be reached."""


class WatcherSettings(Settings):
    """What is watched, and which events it gives."""

    watchlists: tuple[Pattern, ...] = ("watchlists/*.toml", "watchlists/*.csv")
    """Files that list what to watch."""
    adapters: tuple[Pattern, ...] = ()
    """Adapter files, such as "adapters/*.toml": each adds a provider.

    See docs/adapter-file.md.
    """
    grace: Duration = timedelta(0)
    """An invoice is overdue this long after the due instant."""
    due_soon: tuple[Period, ...] = (timedelta(days=7), timedelta(days=1))
    """Record invoice.due_soon this long before the due instant."""
    reminders: tuple[Period, ...] = Field(
        default=(timedelta(days=1), timedelta(days=7), timedelta(days=30)), validate_default=True
    )
    """Record invoice.overdue_reminder this long after it; each more than grace."""
    clock_wait: Period = timedelta(hours=1)
    """The above wait this long for a new poll of the invoice.

    If the provider does not answer until then, `invoice.overdue` and the like are recorded from what was known last.
    """
    announce_tracked: Flag = False
    """Deliver invoice.tracked, and changes that come from configuration."""
    customer_names: Flag = False
    """Keep customers' names (personal data)."""
    keep_settled: Keeping = timedelta(days=90)
    """Poll settled invoices ever more slowly for this long; or "forever"."""
    failing_after: Period = timedelta(minutes=15)
    """Record source.failing after only errors for this long."""
    shutdown_grace: Period = timedelta(seconds=20)
    """Finish work in hand for this long when stopped."""

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
    """Any of these may be repeated under a source."""

    policy: Policy = Policy.ADAPTIVE
    """Most often where changes are likely; or "fixed" (each `every`), or "cron".

    adaptive makes as many requests as fixed, and at most 0.9 of `rate`.
    """
    every: Period = timedelta(minutes=15)
    """fixed: time between two polls; adaptive: makes no more requests than that would."""
    cron: Cron | None = Field(default=None, validate_default=True)
    """cron: five fields in the source's time zone, 0 and 7 are Sunday.

    Required where `policy` is cron. Day of month and day of week cannot both be restricted.
    """
    fastest: Period = timedelta(minutes=1)
    """adaptive: never sooner than this."""
    slowest: Period = Field(default=timedelta(hours=24), validate_default=True)
    """adaptive: never later than this; ids unknown to the provider: this often.

    Not shorter than `fastest`.
    """
    weight: Weight = Weight.NONE
    """adaptive: "amount" polls invoices with more money due more often.

    An invoice four times as large as another one of its currency is polled twice as often.
    """
    confirm_deleted: Duration = timedelta(minutes=10)
    """An invoice is deleted after 3 misses over at least this long."""

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
    """How long things are kept."""

    raw: Period = timedelta(days=90)
    """Keep the providers' documents."""
    attempts: Period = timedelta(days=30)
    """Keep the attempts of deliveries."""
    events: Keeping = Field(default=None, json_schema_extra={"default": "forever"})
    """Keep events and snapshots; or at least "90d", the newest of each invoice stay."""
    archive: Folder | None = None
    """Folder to which months of events go before they are deleted (docs/archive.md)."""
    audit: Keeping = Field(default=None, json_schema_extra={"default": "forever"})
    """Keep who changed what by hand."""

    @field_validator("events")
    @classmethod
    def _long_enough(cls, events: timedelta | None) -> timedelta | None:
        if events is not None and events < _SHORTEST_HISTORY:
            least = format_duration(_SHORTEST_HISTORY)
            raise ValueError(f'"{format_duration(events)}" is too short, must be "forever" or at least "{least}"')
        return events


class LogSettings(Settings):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """debug, info, warning or error."""
    format: Literal["auto", "json", "console"] = "auto"
    """json, console, or auto: console on a terminal."""


Kind = Annotated[ProviderKind, PlainSerializer(lambda kind: kind.digest, return_type=str), WithJsonSchema({})]


class SourceSettings(Settings):
    """A source is one account at a billing provider; its name is yours to choose and stays its identity.

    The keys of its provider, below, come to these; and every key of `[polling]`, for this source alone.
    """

    name: str
    provider: str = Field(title="name of a provider")
    """One of `invoice-watcher provider list`."""
    base_url: ProviderUrl
    """The provider's own; chargeover's must be set (https://SITE.chargeover.com/api/v3)."""
    credentials: Mapping[str, Secret]
    """The provider's keys resolved, such as `{"api_key": …}`."""
    options: Mapping[str, ProviderUrl]
    """The provider's keys that are URLs, such as fragment's `token_url`."""
    texts: Mapping[str, OptionText] = Field(default_factory=dict[str, str])
    """The provider's other keys that are not secret."""
    kind: Kind
    """What `provider` names."""
    timezone: Zone
    """Where a due day ends: the zone of the account."""
    rate: Rate
    """HTTP requests; each provider has a default of its own.

    Requests of every kind count: polls, lists, tokens, retries. It holds over all processes and restarts.
    """
    timeout: Timeout = timedelta(seconds=15)
    """For one request."""
    enabled: Flag = True
    """false: nothing is asked."""
    discover: Flag = False
    """true: watch every unsettled invoice that the provider lists."""
    hints: SourceHintSettings | None = None
    """Takes POST /hints/NAME, if there is such a table."""
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
