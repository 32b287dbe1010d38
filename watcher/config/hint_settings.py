"""`[hints]`, and `[sources.NAME.hints]`, which switches hints on for a source."""

from datetime import timedelta

from pydantic import Field

from watcher.config.settings_base import Settings
from watcher.config.values.types import Duration, Listen, ProviderUrl, Secret


class HintsSettings(Settings):
    """Providers' own webhooks: each makes its invoice due at once (docs/hints.md)."""

    listen: Listen = ""
    """Own host:port that serves hints alone; "" shares http.listen."""
    public_url: ProviderUrl | None = None
    """Where providers reach it; needed for rapyd, which signs the URL.

    Without `/hints/NAME`. Every provider whose signature covers the URL needs it.
    """


class SourceHintSettings(Settings):
    """Takes POST /hints/NAME."""

    secret: Secret | None = None
    """meteroid: whsec_…; chargeover: its key; rapyd: none; others: a token of yours.

    What each provider signs with is in docs/hints.md.
    """
    secrets: tuple[Secret, ...] = ()
    """Several while one replaces the other."""
    token: Secret | None = None
    """Authorization: Bearer …, for systems of your own."""
    tokens: tuple[Secret, ...] = ()
    """Several while one replaces the other."""
    echo: Duration = Field(default=timedelta(seconds=10), validate_default=True)
    """One more poll after one that found nothing new."""

    @property
    def all_secrets(self) -> tuple[str, ...]:
        return _texts(self.secret, self.secrets)

    @property
    def all_tokens(self) -> tuple[str, ...]:
        return _texts(self.token, self.tokens)


def _texts(one: Secret | None, several: tuple[Secret, ...]) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in (one, *several) if secret is not None)
