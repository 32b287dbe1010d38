"""The types of config values: how each is read from TOML, and what its schema says.

Values of the right type (a timedelta, a SecretStr) pass, so that settings can be built in code.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, TypeVar, cast
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, WithJsonSchema

from watcher.config.toml.messages import meant, shown
from watcher.config.toml.reading import Reading
from watcher.config.values import addresses
from watcher.config.values.cron import validate
from watcher.config.values.durations import DURATION_PATTERN, RATE_PATTERN, format_duration, parse_duration, parse_rate
from watcher.config.values.event_globs import check_event_glob
from watcher.config.values.secret_references import HOW, KINDS, resolve

_T = TypeVar("_T")

LONGEST_NAME = 64
NAME_PATTERN = r"^[a-z0-9_-]{1,64}$"
MOST_TAGS = 20
LONGEST_TIMEOUT = timedelta(minutes=10)

_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RESERVED = re.compile(
    r"host|content-.*|connection|transfer-encoding|webhook-.*|user-agent"
    r"|accept-encoding|expect|keep-alive|te|trailer|upgrade"  # they would change how the request or its answer is read
)
_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TOML_OTHERS = (bool, int, float, list, dict, date, time)
"""What TOML can give besides text."""
_FEWEST_BYTES, _MOST_BYTES = 24, 64

REFERENCE_SCHEMA: dict[str, object] = {
    "type": "object",
    "description": "Where a secret is: an environment variable, a file, or a systemd credential.",
    "properties": {kind: {"type": "string", "minLength": 1} for kind in KINDS},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
_TEXT_OR_REFERENCE: dict[str, object] = {"anyOf": [{"type": "string"}, REFERENCE_SCHEMA]}


def _reading(context: ValidationInfo) -> Reading | None:
    return context.context if isinstance(context.context, Reading) else None


def _from_text(parse: Callable[[str], _T], wanted: str) -> Callable[[object], object]:
    """Text is parsed, and its errors quote it; numbers and tables of TOML are refused with `wanted`."""

    def read(value: object) -> object:
        if isinstance(value, _TOML_OTHERS):
            given = shown(cast("object", value))
            raise ValueError(f"{given} is not text, must be {wanted}")  # noqa: TRY004 - pydantic reports ValueErrors
        if not isinstance(value, str):
            return value
        try:
            return parse(value)
        except ValueError as error:
            raise ValueError(f"{shown(value)} {error}") from error

    return read


def _rate(value: object, context: ValidationInfo) -> object:
    # In code a rate is already a float; in TOML a number has no unit of time.
    if isinstance(value, float) and _reading(context) is None:
        return value
    return _from_text(parse_rate, 'a rate such as "5/s"')(value)


def _positive(period: timedelta) -> timedelta:
    if period <= timedelta(0):
        raise ValueError('"0s" is too short, must be more than 0')
    return period


def _short(period: timedelta) -> timedelta:
    if period > LONGEST_TIMEOUT:
        raise ValueError(f'"{format_duration(period)}" is too long, at most "{format_duration(LONGEST_TIMEOUT)}"')
    return period


def _forever(value: object) -> object:
    return None if value == "forever" else value


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f'is not a time zone{meant(text, available_timezones())}, must be an IANA name such as "Europe/Berlin"'
        ) from error


def _secret(value: object, context: ValidationInfo) -> object:
    reading = _reading(context)
    return value if isinstance(value, SecretStr) or reading is None else SecretStr(resolve(value, reading))


def _text_or_secret(value: object, context: ValidationInfo) -> object:
    if isinstance(value, (bool, int, float, list, date, time)):
        given = shown(cast("object", value))
        raise ValueError(f"{given} is not text, must be text in quotes or {HOW}")  # noqa: TRY004 - pydantic reports ValueErrors
    return SecretStr(value) if isinstance(value, str) else _secret(value, context)


def _signing(secret: SecretStr) -> SecretStr:
    prefix, text = secret.get_secret_value()[:6], secret.get_secret_value()[6:]
    wanted = f"must be whsec_ and the base64 of {_FEWEST_BYTES} to {_MOST_BYTES} bytes"
    if prefix != "whsec_":
        raise ValueError(f"does not begin with whsec_, {wanted}")
    try:
        size = len(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError(f"is not base64 after whsec_, {wanted}") from error
    if not _FEWEST_BYTES <= size <= _MOST_BYTES:
        raise ValueError(f"holds {size} bytes, {wanted}")
    return secret


def _database(secret: SecretStr, context: ValidationInfo) -> SecretStr:
    reading = _reading(context)
    return secret if reading is None else SecretStr(addresses.database_url(secret.get_secret_value(), reading.base))


def _endpoint_url(url: str) -> str:
    addresses.check_endpoint_url(url)
    return url


def _pattern(text: str) -> str:
    if not text or _CONTROL.search(text):
        raise ValueError('is not a path, must be one such as "watchlists/*.toml"')
    return text


def _folder(value: object, context: ValidationInfo) -> object:
    reading = _reading(context)
    if reading is None:
        return value
    read = _from_text(_path, "a path in quotes")(value)
    return reading.base / read if isinstance(read, str) else read


def _path(text: str) -> str:
    if not text or _CONTROL.search(text):
        raise ValueError('is not a path, must be one such as "archive"')
    return text


def _cron(text: str) -> str:
    words = validate(text)
    if words is not None:
        raise ValueError(words)
    return text


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError('is not a network, must be a CIDR such as "10.0.0.0/8" or "fd00::/8"') from error


def _clock_time(text: str) -> time:
    if not _CLOCK_TIME.fullmatch(text):
        raise ValueError('is not a time of day, must be one such as "08:00"')
    return time.fromisoformat(text)


def check_tag(text: str) -> str:
    """The tag without surrounding blanks. Raises ValueError, with a message for users."""
    tag = text.strip()
    if not 1 <= len(tag) <= LONGEST_NAME or _CONTROL.search(tag):
        raise ValueError(f"is not a tag, must have 1 to {LONGEST_NAME} characters and no control characters")
    return tag


def check_name(text: str) -> str | None:
    """What is wrong with the name of a source or an endpoint, in words; None if it is fine."""
    return None if _NAME.fullmatch(text) else "is not a name, must be 1 to 64 of a to z, 0 to 9, _ and -"


def _header_name(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError("is not a header name, must be letters, digits and -")
    if _RESERVED.fullmatch(text.lower()):
        raise ValueError(
            "is set by the sender, must not be host, content-*, connection, transfer-encoding, webhook-*, user-agent, "
            "accept-encoding, expect, keep-alive, te, trailer or upgrade"
        )
    return text


def _header_value(secret: SecretStr) -> SecretStr:
    if _CONTROL.search(secret.get_secret_value().replace("\t", " ")):
        raise ValueError("holds line ends or control characters, must be one line of text")
    return secret


def _option(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("holds line ends or control characters, must be one line of text")
    return text


def _port(port: int) -> int:
    if not 1 <= port <= 65_535:  # noqa: PLR2004 - TCP's own bounds
        raise ValueError(f"{port} is not a port, must be 1 to 65535")
    return port


def between(low: int, high: int) -> Callable[[int], int]:
    def check(number: int) -> int:
        if not low <= number <= high:
            raise ValueError(f"{number} is out of bounds, must be {low} to {high}")
        return number

    return check


def one_of_each(values: Sequence[_T]) -> None:
    """Raises ValueError if a value is listed twice."""
    for number, value in enumerate(values):
        if value in values[:number]:
            text = format_duration(value) if isinstance(value, timedelta) else value
            raise ValueError(f'has "{text}" twice, must have each once')


def tags(values: Sequence[str]) -> tuple[str, ...]:
    """Each tag once, in order. Raises ValueError if there are too many."""
    once = tuple(dict.fromkeys(values))
    if len(once) > MOST_TAGS:
        raise ValueError(f"has {len(once)} tags, at most {MOST_TAGS}")
    return once


_text = _from_text(str, "text in quotes")
clock_time = _from_text(_clock_time, 'a time of day in quotes such as "08:00"')
Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Duration = Annotated[
    timedelta,
    BeforeValidator(_from_text(parse_duration, 'a duration such as "15m"')),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["1h30m"]}),
]
Period = Annotated[Duration, AfterValidator(_positive)]
Timeout = Annotated[Period, AfterValidator(_short)]
Keeping = Annotated[
    Period | None,
    BeforeValidator(_forever),
    WithJsonSchema({"anyOf": [{"const": "forever"}, {"type": "string", "pattern": DURATION_PATTERN}]}),
]
Rate = Annotated[float, BeforeValidator(_rate), WithJsonSchema({"type": "string", "pattern": RATE_PATTERN})]
Zone = Annotated[ZoneInfo, BeforeValidator(_from_text(_zone, "an IANA time zone")), WithJsonSchema({"type": "string"})]
Pattern = Annotated[str, BeforeValidator(_from_text(_pattern, "a path or a glob"))]
Folder = Annotated[Path, BeforeValidator(_folder), WithJsonSchema({"type": "string"})]
"""Relative to the config file."""
Cron = Annotated[str, BeforeValidator(_from_text(_cron, "five cron fields in quotes"))]
Secret = Annotated[SecretStr, BeforeValidator(_secret), WithJsonSchema(REFERENCE_SCHEMA)]
SigningSecret = Annotated[Secret, AfterValidator(_signing)]
DatabaseUrl = Annotated[
    SecretStr, BeforeValidator(_text_or_secret), AfterValidator(_database), WithJsonSchema(_TEXT_OR_REFERENCE)
]
EndpointUrl = Annotated[Text, AfterValidator(_endpoint_url)]
OptionText = Annotated[Text, AfterValidator(_option)]
ProviderUrl = Annotated[Text, AfterValidator(addresses.provider_url)]
Listen = Annotated[str, BeforeValidator(_from_text(addresses.listen_address, "host:port"))]
Network = Annotated[
    IPv4Network | IPv6Network, BeforeValidator(_from_text(_network, "a CIDR")), WithJsonSchema({"type": "string"})
]
Port = Annotated[Whole, AfterValidator(_port)]
Tag = Annotated[str, BeforeValidator(_from_text(check_tag, "a tag"))]
Tags = Annotated[tuple[Tag, ...], AfterValidator(tags)]
EventGlob = Annotated[str, BeforeValidator(_from_text(check_event_glob, "a glob over event types"))]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[
    SecretStr, BeforeValidator(_text_or_secret), AfterValidator(_header_value), WithJsonSchema(_TEXT_OR_REFERENCE)
]
