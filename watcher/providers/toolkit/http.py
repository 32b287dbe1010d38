"""One HTTP request to a provider: within the rate, bounded in time and size, no redirects, plain http only at home."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import cast
from urllib.parse import quote

import aiohttp
from yarl import URL

from watcher.clock import Clock
from watcher.core import json_text
from watcher.core.errors import (
    CredentialsRefused,
    InvalidAnswer,
    InvoiceRefused,
    ProviderUnavailable,
    RateLimited,
    Unreachable,
)
from watcher.core.json_text import Document
from watcher.core.value_object import value_object
from watcher.ports import RateLimiter
from watcher.providers.toolkit.http_body import MAX_BODY_BYTES, AnswerTooLong, age, decoded, http_date, retry_after
from watcher.providers.toolkit.kind import Account
from watcher.providers.toolkit.session import encrypted

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]]
"""A callable is called after the wait for the send instant, for signatures that age."""

_PLAIN_ID = re.compile(r"[A-Za-z0-9_~-]+")
"""It needs no encoding."""
_CONNECTING = 0.8
"""Share of the timeout."""
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@value_object
class Answer:
    """One complete HTTP answer of any status. Header names are in lower case; `body` is decoded.

    `age` is for how long a cache has kept it, `server_date` the provider's time at its arrival.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked_at: datetime
    answered_at: datetime
    server_date: datetime | None = None
    retry_after: timedelta | None = None
    age: timedelta = timedelta(0)

    @property
    def made_at(self) -> datetime:
        """The provider made it then or later."""
        return self.asked_at - self.age


class ProviderHttp:
    """Requests to one account's base URL, each at its send instant and within the account's timeout."""

    def __init__(self, session: aiohttp.ClientSession, account: Account, clock: Clock) -> None:
        self._session = session
        self._base = str(URL(account.base_url)).rstrip("/")
        seconds = account.timeout.total_seconds()
        # Connecting has a limit of its own, to distinguish a network that drops everything from a slow server.
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECTING * seconds)
        self._clock = clock

    def path(self, target: str) -> str:
        """The path and query as they will be in the request line, with the base URL's path prefix."""
        return URL(self._base + target, encoded=True).raw_path_qs

    async def request(
        self,
        limiter: RateLimiter,
        method: str,
        target: str,
        *,
        headers: Headers = NO_HEADERS,
        body: bytes | None = None,
        url: str | None = None,
    ) -> Answer:
        """Send `target` (path and query, already percent-encoded) below the base URL, or to the absolute `url`.

        Any status but a redirect is an answer. Raises ProviderUnavailable for no connection, bad TLS, timeout, a
        redirect, and bodies that break off, decode badly or exceed 8 MiB. A GET whose kept-alive connection the server
        has just dropped is sent once more, within the rate and with new headers.
        """
        destination = URL(url or self._base + target, encoded=True)
        try:
            return await self._send(limiter, method, destination, headers, body)
        except _Dropped as error:
            if method != "GET":
                raise ProviderUnavailable(str(error)) from error
        try:
            return await self._send(limiter, method, destination, headers, body)
        except _Dropped as error:
            raise ProviderUnavailable(str(error)) from error

    async def _send(self, limiter: RateLimiter, method: str, url: URL, headers: Headers, body: bytes | None) -> Answer:
        await limiter.wait()
        asked_at = self._clock.now()
        token = encrypted.set(url.scheme == "https")
        try:
            async with self._session.request(
                method,
                url,
                headers=headers() if callable(headers) else headers,
                data=body,
                timeout=self._timeout,
                allow_redirects=False,
                auto_decompress=False,
                middlewares=(_once(),),
            ) as response:
                received = await _read_bounded(response)
        except aiohttp.ClientResponseError:
            # Not chained: the cause contains the headers that were sent.
            raise ProviderUnavailable(f"{url.host}: the answer is not HTTP as we read it") from None
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise _translated(error, url) from error
        except ValueError:
            # Not chained: the cause may quote the header.
            raise CredentialsRefused("a credential holds characters that no HTTP header can carry") from None
        finally:
            encrypted.reset(token)
        return _answer(response, received, asked_at, self._clock.now())


class _Dropped(ProviderUnavailable):
    """The server closed the connection before it answered anything."""


def read_object(answer: Answer) -> Document:
    """Read a JSON object from the body.

    Raises InvalidAnswer for broken JSON and other values, and ProviderUnavailable if the answer does not even claim to
    be JSON: then it comes from something between us and the API.
    """
    try:
        return read_text(answer.body)
    except InvalidAnswer as error:
        _require_json(answer, error)
        raise


def read_text(text: bytes) -> Document:
    """Read a JSON object. Raises InvalidAnswer."""
    value = json_text.read(text)
    if not isinstance(value, dict):
        raise InvalidAnswer("the answer is JSON, but no object")
    return cast("Document", value)


def read_rows(answer: Answer, *path: str) -> tuple[Document, list[tuple[Document, bytes]]]:
    """Read an object with a list of objects at `path`: all but the list, and its objects, each with its own text.

    The objects are only good for their ids: read the rest from their text (`json_text.read_items`). Raises like
    `read_object`, and InvalidAnswer without such a list. Skips items that are no objects, and empty ones.
    """
    try:
        envelope, items = json_text.read_items(answer.body, *path)
    except InvalidAnswer as error:
        _require_json(answer, error)
        raise
    return envelope, [(cast("Document", item), text) for item, text in items if isinstance(item, dict) and item]


def raise_if_unavailable(answer: Answer, *, default_wait: timedelta | None = None) -> None:
    """Raise RateLimited for 429, and ProviderUnavailable for outages.

    `default_wait` is for a 429 without a Retry-After. Outages are 408, 425 and 5xx. The adapter reads other statuses.
    """
    if answer.status == 429:  # noqa: PLR2004  # status codes are their own names
        wait = default_wait if answer.retry_after is None else answer.retry_after
        raise RateLimited("HTTP 429: too many requests", retry_after=wait)
    if answer.status in {408, 425} or answer.status >= 500:  # noqa: PLR2004  # same
        raise ProviderUnavailable(f"HTTP {answer.status}", retry_after=answer.retry_after)


def quote_id(invoice_id: str) -> str:
    """Encode an id as one path segment. Raises InvoiceRefused for ids that no path segment can contain."""
    if _PLAIN_ID.fullmatch(invoice_id):
        return invoice_id
    if invoice_id in {"", ".", ".."}:
        raise InvoiceRefused(f"{invoice_id!r} cannot be an invoice id: it would ask for another resource")
    try:
        return quote(invoice_id, safe="")
    except UnicodeEncodeError as error:
        raise InvoiceRefused("the invoice id is not valid Unicode") from error


def _require_json(answer: Answer, error: InvalidAnswer) -> None:
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()[:60]
    if media_type and "json" not in media_type:
        raise ProviderUnavailable(f"HTTP {answer.status}: not the API's JSON but {media_type}") from error


def _once() -> aiohttp.ClientMiddlewareType:
    """Keep aiohttp from repeating a dropped request by itself: outside the rate, and with a signature already used."""
    sent = False

    async def send(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        nonlocal sent
        if sent:
            raise aiohttp.ServerDisconnectedError
        sent = True
        return await handler(request)

    return send


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    if (response.content_length or 0) > MAX_BODY_BYTES:
        raise AnswerTooLong(f"the answer is longer than {MAX_BODY_BYTES} bytes")
    content, chunks, size = response.content, list[bytes](), 0
    while True:
        chunk = await content.readany()
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise AnswerTooLong(f"the answer is longer than {MAX_BODY_BYTES} bytes")
        chunks.append(chunk)
        if content.at_eof():  # nearly always after the first one: asking again would cost as much as this did
            return b"".join(chunks)


def _answer(response: aiohttp.ClientResponse, received: bytes, asked_at: datetime, answered_at: datetime) -> Answer:
    status, headers = response.status, response.headers
    if 300 <= status < 400:  # noqa: PLR2004  # status codes are their own names
        raise ProviderUnavailable(f"HTTP {status}: redirects are never followed; correct base_url")
    made_at, kept, encoding = http_date(headers.get("date")), age(headers), headers.get("content-encoding")
    body = decoded(received, encoding.strip().lower()) if encoding else received
    server_date = None if made_at is None else made_at + kept
    wait = retry_after(headers, server_date or answered_at) if status >= 400 else None  # noqa: PLR2004
    return Answer(status, headers, body, asked_at, answered_at, server_date, wait, kept)


def _translated(error: Exception, url: URL) -> ProviderUnavailable:
    """Our message for a transport failure. Nothing that the peer sent is quoted: it could echo what we sent."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return Unreachable(f"{url.host}: no connection within the timeout")
        case TimeoutError():
            why = "no complete answer within the timeout"
        case aiohttp.ClientConnectorCertificateError():
            why = "TLS failed: the certificate is not trusted"
        case aiohttp.ClientSSLError():
            why = f"TLS failed: {error.os_error.strerror or error.os_error}"
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, PermissionError):  # ours, of plain http
            why = f"cannot connect: {error.os_error}"
        case aiohttp.ClientConnectorError():
            return Unreachable(f"{url.host}: cannot connect: {error.os_error.strerror or error.os_error}")
        case aiohttp.ClientPayloadError():
            why = "the answer broke off"
        case aiohttp.ClientConnectionError() | ConnectionError():
            return _Dropped(f"{url.host}: the connection was closed before an answer came")
        case _:
            why = type(error).__name__
    return ProviderUnavailable(f"{url.host}: {why}")
