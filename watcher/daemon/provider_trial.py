"""One request by an adapter file, with what was sent and answered: `provider try`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import aiohttp

from watcher.clock import Clock, SystemClock
from watcher.config.adapters.examples import INFERRED, snapshot_document
from watcher.core.errors import InvoiceRefused, WatcherError
from watcher.ports import Failed, Found, Missing, RateLimiter
from watcher.providers.adapter_file.provider import FileProvider
from watcher.providers.adapter_file.spec import AdapterSpec
from watcher.providers.toolkit import documents
from watcher.providers.toolkit.http import NO_HEADERS, Answer, Headers, ProviderHttp
from watcher.providers.toolkit.kind import Account
from watcher.providers.toolkit.session import open_session

TIMEOUT = timedelta(seconds=15)
_SHOWN = frozenset({"content-type", "date", "retry-after", "server", "etag", "age"})
_HIDDEN = "***"
_SHORTEST_HIDDEN = 4
"""A shorter secret, such as a user name, would take letters out of every word."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. Values of headers that were sent are never shown, nor are tokens in a body."""

    method: str
    url: str
    sent: tuple[str, ...]
    status: int | None
    received: Mapping[str, str]
    body: str


@dataclass(slots=True)
class Trial:
    """`snapshot` is None, and `problem` says why, if there is none."""

    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    snapshot: Mapping[str, object] | None = None
    problem: str | None = None


async def try_adapter(
    spec: AdapterSpec, base_url: str, credentials: Mapping[str, str], options: Mapping[str, str], invoice_id: str
) -> Trial:
    """Ask for one invoice, with a token call before it if the provider has one."""
    trial, clock = Trial(), SystemClock()
    account = Account(
        "try", base_url, ZoneInfo(spec.timezone), TIMEOUT, credentials, {**spec.urls, **spec.options, **options}
    )
    async with open_session() as session:
        http = _RecordingHttp(session, account, clock, trial)
        try:
            fetched = await FileProvider(spec, account, http, clock).fetch([invoice_id], _NoLimit())
            result = fetched.results[invoice_id]
            if isinstance(result, Failed):
                raise result.error
            if isinstance(result, Missing):
                raise InvoiceRefused(f"there is no such invoice: {result.reason}")
            if isinstance(result, Found):
                snapshot = snapshot_document(spec, result.document)
                trial.snapshot = {key: value for key, value in snapshot.items() if key != INFERRED}
        except WatcherError as error:
            trial.problem = str(error)
    return trial


class _NoLimit(RateLimiter):
    async def wait(self) -> None:
        """One request and its token call need no budget."""


class _RecordingHttp(ProviderHttp):
    def __init__(self, session: aiohttp.ClientSession, account: Account, clock: Clock, trial: Trial) -> None:
        super().__init__(session, account, clock)
        self._trial = trial
        self._account = account

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
        sent = tuple(headers() if callable(headers) else headers)
        shown = url or self._account.base_url.rstrip("/") + target
        try:
            answer = await super().request(limiter, method, target, headers=headers, body=body, url=url)
        except WatcherError:
            self._trial.exchanges.append(Exchange(method, shown, sent, None, {}, ""))
            raise
        received = {name: value for name, value in answer.headers.items() if name.lower() in _SHOWN}
        text = _HIDDEN if method == "POST" else self._body(answer)
        self._trial.exchanges.append(Exchange(method, shown, sent, answer.status, received, text))
        return answer

    def _body(self, answer: Answer) -> str:
        """The answer's text without links and secrets; of one that is not JSON, only its length."""
        try:
            text = documents.masked_text(answer.body)
        except WatcherError:
            return f"{len(answer.body)} bytes that are not JSON"
        for secret in self._account.credentials.values():
            if len(secret) >= _SHORTEST_HIDDEN:
                text = text.replace(secret, _HIDDEN)
        return text
