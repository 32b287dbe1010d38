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

_MOST_RETRIES = 50
_MOST_AT_ONCE = 1000


class Payload(StrEnum):
    FULL = "full"
    THIN = "thin"


class Format(StrEnum):
    STANDARD = "standard"
    CLOUDEVENTS = "cloudevents"


class EndpointSettings(Settings):
    name: str
    allow_private: tuple[Network, ...] = ()
    allow_ports: tuple[Port, ...] = ()
    url: EndpointUrl
    secrets: tuple[SigningSecret, ...]
    """Newest first; all of them sign."""
    events: tuple[EventGlob, ...] = ("invoice.*", "!invoice.updated")
    sources: tuple[Text, ...] = ("*",)
    tags: Tags = ()
    payload: Payload = Payload.FULL
    format: Format = Format.STANDARD
    """standard: Standard Webhooks. cloudevents: structured CloudEvents 1.0."""
    timeout: Timeout = timedelta(seconds=15)
    rate: Rate = 50.0
    """Attempts per second."""
    concurrency: Annotated[Whole, AfterValidator(between(1, _MOST_AT_ONCE))] = 10
    retries: tuple[Duration, ...] = (
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
    headers: Mapping[HeaderName, HeaderValue] = Field(default_factory=dict[str, SecretStr])
    enabled: Flag = True

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
