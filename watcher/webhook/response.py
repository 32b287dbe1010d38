"""Reads what a receiver answered, in bounded words: whatever it sends, nothing here raises or grows."""

import os
import re
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

import aiohttp
from aiohttp.connector import Connection

from watcher.egress import EgressRefused
from watcher.ports import Outcome

MOST_READ = 16 * 1024
"""Bytes of an answer's body that are read: enough to finish nearly every answer and keep its connection."""

MOST_KEPT = 4 * 1024
"""Bytes of it that a receipt keeps."""

MOST_DETAIL = 500
"""Characters of a receipt's detail."""

LONGEST_RETRY_AFTER = timedelta(days=365)
_SUCCESS, _REDIRECT, _CLIENT_ERROR = 2, 3, 4
_RETRIED = frozenset({408, 425, 429})
_GONE = 410
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Fault(StrEnum):
    """The values of `Receipt.error`: all that subscribers and operators see of an error, whatever the network said."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    BAD_ANSWER = "bad_answer"
    REDIRECT = "redirect"
    ADDRESS_REFUSED = "address_refused"
    NOT_CONFIGURED = "not_configured"
    UNSENDABLE = "unsendable"


class Answer(aiohttp.ClientResponse):
    """Remembers the peer's address, which a finished response no longer has."""

    peer: str | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        if connection.transport is not None:
            self.peer = peer_name(connection.transport.get_extra_info("peername"))
        return await super().start(connection)


def outcome_of(status: int) -> tuple[Outcome, Fault | None]:
    """What an answer's status means for the delivery."""
    if status // 100 == _SUCCESS:
        return Outcome.DELIVERED, None
    if status // 100 == _REDIRECT:
        return Outcome.RETRY, Fault.REDIRECT
    if status == _GONE:
        return Outcome.GONE, None
    if status // 100 == _CLIENT_ERROR and status not in _RETRIED:
        return Outcome.REJECTED, None
    return Outcome.RETRY, None


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """The value of Retry-After (RFC 9110 §10.2.3), never negative, at most a year; None if it is no such value."""
    if header is None:
        return None
    if header.isascii() and header.isdecimal():
        return timedelta(seconds=min(int(header[:12]), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(0)), LONGEST_RETRY_AFTER)


async def read_body(answer: aiohttp.ClientResponse) -> bytes:
    """The beginning of the body as sent.

    A body that breaks off or arrives too slowly does not change the status: a receiver that answered 200 has the event.
    (A body that breaks HTTP in the packet of its head is different: the client sees no answer then, only
    `Fault.BAD_ANSWER`.)
    """
    body, content = bytearray(), answer.content
    try:
        while len(body) < MOST_READ and not content.at_eof() and (piece := await content.read(MOST_READ - len(body))):
            body += piece
    except (aiohttp.ClientError, OSError):
        return bytes(body)
    finally:
        # Releasing an answer that has more to come would read on, to keep the connection.
        answer.close()
    return bytes(body)


def explain(error: aiohttp.ClientError | OSError | ValueError) -> tuple[Outcome, Fault]:
    match error:
        case (
            aiohttp.ClientConnectorError(os_error=EgressRefused())
            | aiohttp.InvalidURL()
            | aiohttp.NonHttpUrlClientError()
        ):
            return Outcome.BLOCKED, Fault.ADDRESS_REFUSED
        case aiohttp.ClientConnectorDNSError() | UnicodeError():
            fault = Fault.DNS  # UnicodeError: a host name that IDNA cannot write
        case aiohttp.ClientSSLError() | ssl.SSLError():
            fault = Fault.TLS
        case TimeoutError():
            fault = Fault.TIMEOUT
        case aiohttp.ClientConnectorError():
            fault = Fault.CONNECT
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            fault = Fault.BAD_ANSWER
        case aiohttp.ClientError() | OSError():
            fault = Fault.DISCONNECTED
        case ValueError():
            return Outcome.UNSENDABLE, Fault.UNSENDABLE
    return Outcome.RETRY, fault


def detail(error: BaseException) -> str | None:
    """What the network said about a request without an answer, in bounded words; None if `Fault` says everything."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            cause = error.certificate_error
            message = getattr(cause, "verify_message", None) or str(cause)
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError(reason=str(reason))):
            message = reason.lower().replace("_", " ")
        case aiohttp.ClientConnectorDNSError() | aiohttp.ClientConnectorError(os_error=EgressRefused()):
            message = error.os_error.strerror or str(error.os_error)
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int(number))):
            message = os.strerror(number)
        case _:
            return None
    return shortened(message)


def printable(text: str) -> str:
    """Without characters that move a terminal's cursor or reverse its text; line ends stay."""
    return _CONTROL.sub("\ufffd", text)


def shortened(text: str) -> str:
    return printable(text)[:MOST_DETAIL]


def readable(body: bytes) -> str:
    return printable(body[:MOST_KEPT].decode("utf-8", "replace"))


def peer_name(name: tuple[object, ...] | None) -> str | None:
    """`address:port` from what `getpeername` gives for IPv4 and IPv6."""
    if not name or len(name) < 2:  # noqa: PLR2004 address and port
        return None
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
