"""The types of config values: how each is read from TOML, and what its schema says.

Values of the right type (a timedelta, a SecretStr) pass, so that settings can be built in code.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, TypeVar, cast
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, WithJsonSchema

from watcher.config.toml.messages import shown
from watcher.config.toml.reading import Reading
from watcher.config.values import addresses, checks
from watcher.config.values.durations import DURATION_PATTERN, RATE_PATTERN, format_duration, parse_duration, parse_rate
from watcher.config.values.event_globs import check_event_glob
from watcher.config.values.secret_references import HOW, KINDS, resolve

_T = TypeVar("_T")

LONGEST_NAME = 64
NAME_PATTERN = r"^[a-z0-9_-]{1,64}$"
MOST_TAGS = 20
LONGEST_TIMEOUT = timedelta(minutes=10)

_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_TOML_OTHERS = (bool, int, float, list, dict, date, time)
"""What TOML can give besides text."""

REFERENCE_SCHEMA: dict[str, object] = {
    "type": "object",
    "title": "secret",
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


def _secret(value: object, context: ValidationInfo) -> object:
    reading = _reading(context)
    return value if isinstance(value, SecretStr) or reading is None else SecretStr(resolve(value, reading))


def _text_or_secret(value: object, context: ValidationInfo) -> object:
    if isinstance(value, (bool, int, float, list, date, time)):
        given = shown(cast("object", value))
        raise ValueError(f"{given} is not text, must be text in quotes or {HOW}")  # noqa: TRY004 - pydantic reports ValueErrors
    return SecretStr(value) if isinstance(value, str) else _secret(value, context)


def _database(secret: SecretStr, context: ValidationInfo) -> SecretStr:
    reading = _reading(context)
    return secret if reading is None else SecretStr(addresses.database_url(secret.get_secret_value(), reading.base))


def _endpoint_url(url: str) -> str:
    addresses.check_endpoint_url(url)
    return url


def _folder(value: object, context: ValidationInfo) -> object:
    reading = _reading(context)
    if reading is None:
        return value
    read = _from_text(checks.path, "a path in quotes")(value)
    return reading.base / read if isinstance(read, str) else read


def check_tag(text: str) -> str:
    """The tag without surrounding blanks. Raises ValueError, with a message for users."""
    tag = text.strip()
    if not 1 <= len(tag) <= LONGEST_NAME or checks.CONTROL.search(tag):
        raise ValueError(f"is not a tag, must have 1 to {LONGEST_NAME} characters and no control characters")
    return tag


def check_name(text: str) -> str | None:
    """What is wrong with the name of a source or an endpoint, in words; None if it is fine."""
    return None if _NAME.fullmatch(text) else "is not a name, must be 1 to 64 of a to z, 0 to 9, _ and -"


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


def _written(title: str, **schema: object) -> WithJsonSchema:
    """What may be written: in plain words, which docs/configuration.md and editors show, and as JSON Schema."""
    return WithJsonSchema({"title": title, **schema})


_DURATION: dict[str, object] = {"type": "string", "pattern": DURATION_PATTERN, "examples": ["1h30m"]}
_text = _from_text(str, "text in quotes")
clock_time = _from_text(checks.time_of_day, 'a time of day in quotes such as "08:00"')

Text = Annotated[str, BeforeValidator(_text), _written("text", type="string")]
Flag = Annotated[bool, Field(strict=True, title="true or false")]
Whole = Annotated[int, Field(strict=True)]
Duration = Annotated[
    timedelta,
    BeforeValidator(_from_text(parse_duration, 'a duration such as "15m"')),
    _written("duration", **_DURATION),
]
Period = Annotated[Duration, AfterValidator(_positive), _written("duration above 0", **_DURATION)]
Timeout = Annotated[
    Period,
    AfterValidator(_short),
    _written(f"duration above 0, at most {format_duration(LONGEST_TIMEOUT)}", **_DURATION),
]
Keeping = Annotated[
    Period | None,
    BeforeValidator(_forever),
    _written('duration above 0, or "forever"', anyOf=[{"const": "forever"}, _DURATION]),
]
Rate = Annotated[float, BeforeValidator(_rate), _written("rate", type="string", pattern=RATE_PATTERN)]
Zone = Annotated[
    ZoneInfo, BeforeValidator(_from_text(checks.zone, "an IANA time zone")), _written("IANA time zone", type="string")
]
Pattern = Annotated[
    str, BeforeValidator(_from_text(checks.pattern, "a path or a glob")), _written("path or glob", type="string")
]
Folder = Annotated[Path, BeforeValidator(_folder), _written("path", type="string")]
"""Relative to the config file."""
Cron = Annotated[
    str,
    BeforeValidator(_from_text(checks.cron, "five cron fields in quotes")),
    _written("cron expression", type="string"),
]
Secret = Annotated[SecretStr, BeforeValidator(_secret), WithJsonSchema(REFERENCE_SCHEMA)]
SigningSecret = Annotated[
    Secret,
    AfterValidator(checks.signing_secret),
    WithJsonSchema(
        {
            **REFERENCE_SCHEMA,
            "title": f"secret: whsec_ and the base64 of {checks.FEWEST_BYTES} to {checks.MOST_BYTES} bytes",
        }
    ),
]
DatabaseUrl = Annotated[
    SecretStr,
    BeforeValidator(_text_or_secret),
    AfterValidator(_database),
    _written("URL, or a secret that holds it", **_TEXT_OR_REFERENCE),
]
EndpointUrl = Annotated[Text, AfterValidator(_endpoint_url), _written("URL", type="string")]
OptionText = Annotated[Text, AfterValidator(checks.line)]
ProviderUrl = Annotated[Text, AfterValidator(addresses.provider_url), _written("URL", type="string")]
Listen = Annotated[
    str, BeforeValidator(_from_text(addresses.listen_address, "host:port")), _written('host:port, or ""', type="string")
]
Network = Annotated[
    IPv4Network | IPv6Network, BeforeValidator(_from_text(checks.network, "a CIDR")), _written("CIDR", type="string")
]
Port = Annotated[Whole, AfterValidator(_port), _written("whole number from 1 to 65535", type="integer")]
Tag = Annotated[
    str,
    BeforeValidator(_from_text(check_tag, "a tag")),
    _written(f"text of 1 to {LONGEST_NAME} characters", type="string"),
]
Tags = Annotated[
    tuple[Tag, ...],
    AfterValidator(tags),
    Field(title=f"list of at most {MOST_TAGS} tags, each of 1 to {LONGEST_NAME} characters"),
]
EventGlob = Annotated[
    str,
    BeforeValidator(_from_text(check_event_glob, "a glob over event types")),
    _written("glob over event types", type="string"),
]
HeaderName = Annotated[str, AfterValidator(checks.header_name)]
HeaderValue = Annotated[
    SecretStr, BeforeValidator(_text_or_secret), AfterValidator(checks.header_value), WithJsonSchema(_TEXT_OR_REFERENCE)
]
