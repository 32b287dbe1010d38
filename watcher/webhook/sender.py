"""POSTs events to subscribers: signed at the moment of sending, through the egress guard, with everything bounded."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict

from watcher import __version__
from watcher.clock import Clock
from watcher.core.webhooks.cloud_events import CONTENT_TYPE, structured
from watcher.core.webhooks.signature import Signer
from watcher.egress import Guard, GuardedResolver, Network
from watcher.ports import Attempt, Outcome, Receipt
from watcher.webhook.response import (
    Answer,
    Fault,
    detail,
    explain,
    outcome_of,
    read_body,
    readable,
    retry_after,
    shortened,
)

_KEEP_ALIVE_SECONDS = 20
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to send to one endpoint. `secrets` are newest first; all of them sign.

    `timeout` is for the whole attempt; connecting may take a third of it.
    """

    name: str
    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    timeout: timedelta = timedelta(seconds=15)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    allow_private: tuple[Network, ...] = ()
    allow_ports: tuple[int, ...] = ()
    concurrency: int = 10
    keeps_responses: bool = True
    only_private: bool = False
    """Refuse every address outside `allow_private`, public ones too."""


class WebhookSender:
    """The real `Sender`. Open it with `async with`; `reconfigure` changes the targets while it runs."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        clock: Clock,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._clock = clock
        self._tls = tls
        self._resolver = resolver
        self._lines: dict[str, _Line] = {}
        self._retired: set[_Line] = set()
        self._targets = dict(targets)

    async def __aenter__(self) -> Self:
        await self.reconfigure(self._targets)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in (*self._lines.values(), *self._retired):
            await line.close()
        self._lines.clear()
        self._retired.clear()

    async def reconfigure(self, targets: Mapping[str, Target]) -> None:
        """Send to these targets from now on. Requests in progress to old ones end as they began."""
        kept = {name: line for name, line in self._lines.items() if targets.get(name) == line.target}
        self._retired.update(line for name, line in self._lines.items() if name not in kept)
        self._lines = {
            name: kept.get(name) or _Line(target, self._clock, self._tls, self._resolver)
            for name, target in targets.items()
        }
        for line in [line for line in self._retired if line.under_way == 0]:
            self._retired.discard(line)
            await line.close()

    async def send(self, attempt: Attempt) -> Receipt:
        line = self._lines.get(attempt.endpoint)
        if line is None:
            return Receipt(Outcome.BLOCKED, self._clock.now(), timedelta(0), error=Fault.NOT_CONFIGURED)
        line.under_way += 1
        try:
            return await line.post(attempt)
        finally:
            line.under_way -= 1
            if line in self._retired and line.under_way == 0:
                self._retired.discard(line)
                await line.close()


class _Line:
    """The session of one endpoint, so that an endpoint that hangs takes connections from no other."""

    def __init__(
        self, target: Target, clock: Clock, tls: ssl.SSLContext | None, resolver: AbstractResolver | None
    ) -> None:
        self.target = target
        self.under_way = 0
        self._clock = clock
        self._tls = tls
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._signer = Signer(target.secrets)
        self._headers = CIMultiDict(target.headers)
        self._headers["user-agent"] = f"invoice-watcher/{__version__}"
        self._headers["accept-encoding"] = "identity"
        self._sendable = not any(_UNSENDABLE.search(text) for header in target.headers.items() for text in header)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, attempt: Attempt) -> Receipt:
        started_at, started = self._clock.now(), asyncio.get_running_loop().time()
        timestamp = int(started_at.timestamp())
        body = structured(attempt.body) if attempt.form.is_cloud_event else attempt.body
        headers = self._headers.copy()
        headers["content-type"] = CONTENT_TYPE if attempt.form.is_cloud_event else "application/json"
        headers["webhook-id"] = attempt.event_id
        headers["webhook-timestamp"] = str(timestamp)
        headers["webhook-signature"] = self._signer.sign(attempt.event_id, timestamp, body)
        if not self._sendable or _UNSENDABLE.search(attempt.event_id):
            return Receipt(Outcome.UNSENDABLE, started_at, timedelta(0), error=Fault.UNSENDABLE)
        try:
            # As a payload, because aiohttp takes longer to find out what plain bytes are.
            payload = aiohttp.BytesPayload(body)
            answer = await self._open_session().post(
                self.target.url, data=payload, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            outcome, fault = explain(error)
            return Receipt(outcome, started_at, _since(started), error=fault, detail=detail(error))
        response = await read_body(answer)
        outcome, fault = outcome_of(answer.status)
        header = answer.headers.get("Retry-After") if outcome is Outcome.RETRY else None
        return Receipt(
            outcome,
            started_at,
            _since(started),
            status=answer.status,
            error=fault,
            response=readable(response) if self.target.keeps_responses else None,
            peer=answer.peer if isinstance(answer, Answer) else None,
            retry_after=retry_after(header, self._clock.now()),
            detail=shortened(answer.headers.get("Location", "")) or None if fault is Fault.REDIRECT else None,
        )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Without TLS the guard allows only addresses inside `allow_private`.
            may_be_public = not self.target.only_private and not self.target.url.lower().startswith("http:")
            guard = Guard(self.target.allow_private, self.target.allow_ports, tls=may_be_public)
            seconds = self.target.timeout.total_seconds()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self.target.concurrency,
                    keepalive_timeout=_KEEP_ALIVE_SECONDS,
                    resolver=GuardedResolver(guard, self._resolver),
                    socket_factory=guard.open_socket,
                    ssl=self._tls or True,
                ),
                # Without `sock_read`: its timer is set anew for every piece that comes, and `total` bounds all of them.
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 3),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                response_class=Answer,
            )
        return self._session


def _since(started: float) -> timedelta:
    return timedelta(seconds=asyncio.get_running_loop().time() - started)
