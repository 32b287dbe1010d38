"""`[hints]`, and `[sources.NAME.hints]`, which switches hints on for a source."""

from datetime import timedelta

from pydantic import Field

from watcher.config.settings_base import Settings
from watcher.config.values.types import Duration, Listen, ProviderUrl, Secret


class HintsSettings(Settings):
    listen: Listen = ""
    """`host:port` of a listener for hints alone; empty: they are taken at the address of `[http]`."""
    public_url: ProviderUrl | None = None
    """Where providers reach the listener, without `/hints/NAME`. Needed where a signature covers the URL."""


class SourceHintSettings(Settings):
    secret: Secret | None = None
    """Of the provider's webhooks, in the form that `docs/hints.md` says. Where it sends none, a token."""
    secrets: tuple[Secret, ...] = ()
    """Several, while one replaces the other; each of them is accepted."""
    token: Secret | None = None
    """`Authorization: Bearer TOKEN` of systems of the operator's own."""
    tokens: tuple[Secret, ...] = ()
    echo: Duration = Field(default=timedelta(seconds=10), validate_default=True)
    """How long after a poll that found nothing new one more follows."""

    @property
    def all_secrets(self) -> tuple[str, ...]:
        return _texts(self.secret, self.secrets)

    @property
    def all_tokens(self) -> tuple[str, ...]:
        return _texts(self.token, self.tokens)


def _texts(one: Secret | None, several: tuple[Secret, ...]) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in (one, *several) if secret is not None)
