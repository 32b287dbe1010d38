"""`[notify.NAME]`: people who get messages instead of webhooks."""

from datetime import time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, WithJsonSchema, field_validator

from watcher.config.settings_base import Settings
from watcher.config.toml.messages import meant, shown
from watcher.config.values.durations import DURATION_PATTERN, format_duration
from watcher.config.values.event_globs import check_event_globs
from watcher.config.values.types import EventGlob, Flag, Network, Period, Secret, Tags, Text, Zone, clock_time
from watcher.notify import services
from watcher.notify.schemes import ALLOWED, SCHEMES, scheme_of

_SHORTEST_DIGEST = timedelta(minutes=1)


def _url(secret: SecretStr, context: ValidationInfo) -> SecretStr:
    url = secret.get_secret_value()
    scheme = scheme_of(url)
    if scheme not in ALLOWED:
        allowed = "; ".join(f"{purpose}: {', '.join(names)}" for purpose, names in SCHEMES.items())
        what = f"has the scheme {shown(scheme)}" if scheme else "has no scheme"
        raise ValueError(f"{what}{meant(scheme, ALLOWED)}, allowed: {allowed}")
    # Whether Apprise is installed is said once, for the whole table.
    if services.is_installed() and (words := services.problem(url, context.data.get("allow_private", ()))):
        raise ValueError(words)
    return secret


def _nothing(value: object) -> object:
    return None if value == "" else value


NotifyUrl = Annotated[Secret, AfterValidator(_url)]
Digest = Annotated[
    Period | None,
    BeforeValidator(_nothing),
    WithJsonSchema(
        {
            "title": f'duration of at least {format_duration(_SHORTEST_DIGEST)}, or ""',
            "anyOf": [{"const": ""}, {"type": "string", "pattern": DURATION_PATTERN}],
        }
    ),
]
ClockTime = Annotated[
    time,
    BeforeValidator(clock_time),
    WithJsonSchema({"title": "time of day", "type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$"}),
]


class NotifySettings(Settings):
    """A notification is a message to people, by mail or chat (docs/notifications.md).

    Its name is one like an endpoint's, and both share one list of names.
    """

    name: str
    allow_private: tuple[Network, ...] = ()
    """CIDRs of services of your own; only there may they be unencrypted."""
    urls: tuple[NotifyUrl, ...]
    """Apprise URLs (mailtos, slack, …), one recipient each; they are secrets.

    Which services are allowed is in docs/notifications.md.
    """
    events: tuple[EventGlob, ...] = (
        "invoice.overdue",
        "invoice.paid",
        "invoice.payment_failed",
        "source.failing",
    )
    """Globs, as of endpoints."""
    sources: tuple[Text, ...] = ("*",)
    """Globs over the names of sources."""
    tags: Tags = ()
    """Only invoices with one of these tags; [] is every invoice."""
    digest: Digest = Field(default=None, json_schema_extra={"default": ""})
    """A message per event; "1h", "1d": one per period, if there is something to say."""
    at: ClockTime = Field(default=time(8), json_schema_extra={"default": "08:00"})
    """When a digest of whole days is sent, in `timezone`."""
    timezone: Zone = ZoneInfo("UTC")
    """Such as "Europe/Berlin"."""
    enabled: Flag = True
    """false: deliveries wait."""

    @field_validator("urls")
    @classmethod
    def _one_or_more(cls, urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not urls:
            raise ValueError('has none, must have one or more such as { env = "NAME" }')
        if len({url.get_secret_value() for url in urls}) < len(urls):
            raise ValueError("has the same URL twice, must have each once")
        return urls

    @field_validator("events")
    @classmethod
    def _select_something(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        check_event_globs(events)
        return events

    @field_validator("digest")
    @classmethod
    def _long_enough(cls, period: timedelta | None) -> timedelta | None:
        if period is not None and period < _SHORTEST_DIGEST:
            raise ValueError('is too short, must be "1m" or more, or "" for a message per event')
        return period
