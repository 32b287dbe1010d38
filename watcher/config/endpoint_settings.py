"""`[endpoints.NAME]`: subscribers to webhooks."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from watcher.config.settings_base import Settings
from watcher.config.values import addresses
from watcher.config.values.event_globs import check_event_globs
from watcher.config.values.types import (
    Duration,
    EndpointUrl,
    EventGlob,
    Flag,
    HeaderName,
    HeaderValue,
    Network,
    Port,
    Rate,
    SigningSecret,
    Tags,
    Text,
    Timeout,
    Whole,
    between,
    one_of_each,
)

_RETRIES = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
_MOST_RETRIES = 50
_MOST_AT_ONCE = 1000


class Payload(StrEnum):
    FULL = "full"
    THIN = "thin"


class Format(StrEnum):
    STANDARD = "standard"
    CLOUDEVENTS = "cloudevents"


class EndpointSettings(Settings):
    """An endpoint is one subscriber to your webhooks."""

    name: str
    allow_private: tuple[Network, ...] = ()
    """CIDRs of your own network; inside them http and any port are allowed."""
    allow_ports: tuple[Port, ...] = ()
    """Besides 443.

    Ports that `url` may have.
    """
    url: EndpointUrl
    """Where events are POSTed.

    https, unless its address is inside `allow_private`.
    """
    secrets: tuple[SigningSecret, ...]
    """whsec_…, newest first; all of them sign."""
    events: tuple[EventGlob, ...] = ("invoice.*", "!invoice.updated")
    """Globs over event types, ! excludes; "*" is everything."""
    sources: tuple[Text, ...] = ("*",)
    """Globs over the names of sources."""
    tags: Tags = ()
    """Only invoices with one of these tags; [] is every invoice."""
    payload: Payload = Payload.FULL
    """thin: without the invoice and its changes."""
    format: Format = Format.STANDARD
    """Standard Webhooks; or "cloudevents": structured CloudEvents 1.0."""
    timeout: Timeout = timedelta(seconds=15)
    """For one attempt."""
    rate: Rate = 50.0
    """Attempts.

    It holds over all processes that share a PostgreSQL.
    """
    concurrency: Annotated[
        Whole, AfterValidator(between(1, _MOST_AT_ONCE)), Field(title=f"whole number from 1 to {_MOST_AT_ONCE}")
    ] = 10
    """Attempts at once."""
    retries: tuple[Duration, ...] = Field(default=_RETRIES, title=f"list of 1 to {_MOST_RETRIES} durations")
    """The wait before each attempt.

    Each is made up to a fifth longer. After the last attempt the delivery is dead.
    """
    headers: Mapping[HeaderName, HeaderValue] = Field(
        default_factory=dict[str, SecretStr], title="table of names and values; a value is text or a secret"
    )
    """Sent with each attempt: { authorization = { env = "NAME" } }."""
    enabled: Flag = True
    """false: deliveries wait."""

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: str, context: ValidationInfo) -> str:
        if "allow_private" in context.data and "allow_ports" in context.data:
            addresses.check_endpoint_reach(url, context.data["allow_private"], context.data["allow_ports"])
        return url

    @field_validator("secrets")
    @classmethod
    def _one_or_more(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not secrets:
            raise ValueError('has none, must have one or more such as { env = "NAME" }')
        return secrets

    @field_validator("events")
    @classmethod
    def _select_something(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        check_event_globs(events)
        return events

    @field_validator("retries")
    @classmethod
    def _bounded(cls, retries: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        if not 1 <= len(retries) <= _MOST_RETRIES:
            raise ValueError(f"has {len(retries)} attempts, must have 1 to {_MOST_RETRIES}")
        return retries

    @field_validator("headers")
    @classmethod
    def _named_once(cls, headers: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        one_of_each([name.lower() for name in headers])
        return headers
