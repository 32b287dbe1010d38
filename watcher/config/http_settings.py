"""`[http]`, and `[http.tokens.NAME]`: who may use the API and the page, and what for."""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from watcher.config.settings_base import Settings
from watcher.config.toml.reading import Reading, TomlFile
from watcher.config.toml.tables import subtable, unknown_keys, validated
from watcher.config.values import addresses
from watcher.config.values.types import NAME_PATTERN, Listen, ProviderUrl, Secret, Text, Zone, check_name
from watcher.ports import AccessToken, Scope

_HOST_NAME = re.compile(r"(?!.*\.[0-9]+\.?$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
"""Not an address: those are ours or not, whatever the configuration says."""

DEFAULT_TOKEN = "default"  # noqa: S105 -- a name
"""What the audit trail calls the token in `[http] token`."""


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text):
        raise ValueError(f'"{text}" is not a host name, must be one without port such as "watcher.internal"')
    return text.lower().rstrip(".")


HostName = Annotated[Text, AfterValidator(_host_name), Field(title="a host name without port")]


class TokenSettings(Settings):
    """Further tokens, each with a name for the audit trail (docs/access.md)."""

    token: Secret
    """As above.

    No two tokens may have the same value.
    """
    scope: Scope = Scope.READ
    """read sees everything and changes nothing; operate may do everything."""


class HttpSettings(Settings):
    """API, page, metrics."""

    listen: Listen = "127.0.0.1:8480"
    """Switched off by ""; a change takes a restart.

    Where the API, the page and the metrics are served.
    """
    tokens: Mapping[Annotated[str, Field(pattern=NAME_PATTERN)], TokenSettings] = Field(
        default_factory=dict[str, TokenSettings]
    )
    """Further tokens by name, each with its scope."""
    token: Secret | None = Field(default=None, validate_default=True)
    """May do everything; one token is required where listen is not loopback."""
    public_url: ProviderUrl | None = None
    """Where people reach the page: messages link to it."""
    timezone: Zone = ZoneInfo("UTC")
    """Where the page shows instants, such as "Europe/Berlin"; each reader may choose another.

    Due dates are plain dates.
    """
    hosts: tuple[HostName, ...] = ()
    """Further names in the Host of requests, such as a container's (docs/container.md).

    The host of `public_url` is accepted anyway.
    """

    @field_validator("token")
    @classmethod
    def _needed_in_public(cls, token: SecretStr | None, context: ValidationInfo) -> SecretStr | None:
        listen, tokens = context.data.get("listen"), context.data.get("tokens")
        is_public = listen and not addresses.is_loopback(addresses.split_listen(listen)[0])
        if token is None and not tokens and is_public:
            raise ValueError('is missing, must be set where listen is not loopback, such as { env = "NAME" }')
        return token

    @property
    def host_names(self) -> frozenset[str]:
        """What a Host header may say besides loopback and the address of `listen`, in lower case."""
        public = None if self.public_url is None else urlsplit(self.public_url).hostname
        return frozenset(self.hosts if public is None else (*self.hosts, public))

    @property
    def access_tokens(self) -> tuple[AccessToken, ...]:
        """All of them; none means that everything is open."""
        own = [] if self.token is None else [AccessToken(DEFAULT_TOKEN, Scope.OPERATE, self.token.get_secret_value())]
        named = (AccessToken(name, one.scope, one.token.get_secret_value()) for name, one in self.tokens.items())
        return (*own, *named)


TOKEN_KEYS = tuple(TokenSettings.model_fields)


def read_http(file: TomlFile, reading: Reading) -> HttpSettings | None:
    table = subtable(file, reading, ("http",))
    tokens = _tokens(file, reading) if "tokens" in table else {}
    values = {**table, "tokens": tokens}
    http = validated(HttpSettings, values, file=file, path=("http",), reading=reading)
    if http is not None:
        _check_values(http, file, reading)
    return http


def _tokens(file: TomlFile, reading: Reading) -> dict[str, TokenSettings]:
    tokens: dict[str, TokenSettings] = {}
    for name in subtable(file, reading, ("http", "tokens")):
        path = ("http", "tokens", name)
        table = subtable(file, reading, path)
        reading.problems.extend(unknown_keys(table, TOKEN_KEYS, file=file, path=path))
        known = {key: value for key, value in table.items() if key in TOKEN_KEYS}
        token = validated(TokenSettings, known, file=file, path=path, reading=reading)
        if (wrong := check_name(name)) is not None:
            reading.problems.append(file.problem(path, wrong))
        elif token is not None:
            tokens[name] = token
    return tokens


def _check_values(http: HttpSettings, file: TomlFile, reading: Reading) -> None:
    """A token has one name and one scope. The problems name tokens, never their values."""
    if http.token is not None and DEFAULT_TOKEN in http.tokens:
        words = f"is the name of the token in [http] token, must be another name than {DEFAULT_TOKEN}"
        reading.problems.append(file.problem(("http", "tokens", DEFAULT_TOKEN), words))
        return
    seen: dict[str, str] = {}
    for one in http.access_tokens:
        other = seen.setdefault(one.value, one.name)
        if other != one.name:
            place = "[http] token" if other == DEFAULT_TOKEN and http.token is not None else f"[http.tokens.{other}]"
            words = f"has the same value as {place}, must have one of its own"
            reading.problems.append(file.problem(("http", "tokens", one.name, "token"), words))
