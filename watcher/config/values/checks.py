"""What a text in the config file has to be, each with its message for users: functions from a text to its value.

All raise ValueError.
"""

import base64
import binascii
import re
from datetime import time
from ipaddress import IPv4Network, IPv6Network, ip_network
from zoneinfo import ZoneInfo, available_timezones

from pydantic import SecretStr

from watcher.config.toml.messages import meant
from watcher.config.values.cron import validate

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_RESERVED = re.compile(
    r"host|content-.*|connection|transfer-encoding|webhook-.*|user-agent"
    r"|accept-encoding|expect|keep-alive|te|trailer|upgrade"  # they would change how the request or its answer is read
)
FEWEST_BYTES, MOST_BYTES = 24, 64


def zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f'is not a time zone{meant(text, available_timezones())}, must be an IANA name such as "Europe/Berlin"'
        ) from error


def signing_secret(secret: SecretStr) -> SecretStr:
    prefix, text = secret.get_secret_value()[:6], secret.get_secret_value()[6:]
    wanted = f"must be whsec_ and the base64 of {FEWEST_BYTES} to {MOST_BYTES} bytes"
    if prefix != "whsec_":
        raise ValueError(f"does not begin with whsec_, {wanted}")
    try:
        size = len(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError(f"is not base64 after whsec_, {wanted}") from error
    if not FEWEST_BYTES <= size <= MOST_BYTES:
        raise ValueError(f"holds {size} bytes, {wanted}")
    return secret


def pattern(text: str) -> str:
    if not text or CONTROL.search(text):
        raise ValueError('is not a path, must be one such as "watchlists/*.toml"')
    return text


def path(text: str) -> str:
    if not text or CONTROL.search(text):
        raise ValueError('is not a path, must be one such as "archive"')
    return text


def cron(text: str) -> str:
    words = validate(text)
    if words is not None:
        raise ValueError(words)
    return text


def network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError('is not a network, must be a CIDR such as "10.0.0.0/8" or "fd00::/8"') from error


def time_of_day(text: str) -> time:
    if not _CLOCK_TIME.fullmatch(text):
        raise ValueError('is not a time of day, must be one such as "08:00"')
    return time.fromisoformat(text)


def header_name(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError("is not a header name, must be letters, digits and -")
    if _RESERVED.fullmatch(text.lower()):
        raise ValueError(
            "is set by the sender, must not be host, content-*, connection, transfer-encoding, webhook-*, user-agent, "
            "accept-encoding, expect, keep-alive, te, trailer or upgrade"
        )
    return text


def header_value(secret: SecretStr) -> SecretStr:
    if CONTROL.search(secret.get_secret_value().replace("\t", " ")):
        raise ValueError("holds line ends or control characters, must be one line of text")
    return secret


def line(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("holds line ends or control characters, must be one line of text")
    return text
