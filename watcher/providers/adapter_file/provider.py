"""An account at a provider that an adapter file describes: the same port as the coded adapters."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import aiohttp

from watcher.clock import Clock, Random
from watcher.core.errors import CredentialsRefused, InvalidAnswer, InvoiceRefused, ListRefused
from watcher.core.invoices.invoice import Invoice, Snapshot
from watcher.core.json_text import Document
from watcher.ports import NOTHING_KNOWN, Failed, Fetched, Found, Known, Page, PollResult, RateLimiter
from watcher.providers.adapter_file import invoice_map, lists
from watcher.providers.adapter_file.answers import meaning_of, raise_for_account, refusal_of
from watcher.providers.adapter_file.fingerprint import steady_fingerprint
from watcher.providers.adapter_file.hints import HintsByFile
from watcher.providers.adapter_file.paths import object_at
from watcher.providers.adapter_file.requests import Requests
from watcher.providers.adapter_file.spec import AdapterSpec, BatchSpec, HmacOver, IdFormat, Request
from watcher.providers.toolkit import documents
from watcher.providers.toolkit.fetch_batch import fetch_many
from watcher.providers.toolkit.fetch_one import fetch_one, fetched, read_probe
from watcher.providers.toolkit.http import Answer, ProviderHttp, read_object
from watcher.providers.toolkit.kind import Account, ProviderKind


class FileProvider:
    """One account."""

    def __init__(self, spec: AdapterSpec, account: Account, http: ProviderHttp, clock: Clock) -> None:
        self._spec = spec
        self._clock = clock
        self._zone = account.timezone
        self._requests = Requests(spec, account, http, clock)
        self._differs = None if spec.invoice.differs is None else spec.invoice.differs.encode()

    @property
    def batch_size(self) -> int:
        return 1 if self._spec.batch is None else self._spec.batch.size

    @property
    def lists_changes(self) -> bool:
        return self._spec.list is not None and self._spec.list.changed_since is not None

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        if self._spec.batch is None:
            return await self._fetch_one(limiter, known, *ids)
        ask_batch = partial(self._fetch_batch, limiter, known, self._spec.batch)
        return await fetch_many(ids, self._clock, ask_batch, partial(self._fetch_one, limiter, known))

    async def list_page(self, page: str | None, limiter: RateLimiter, *, changed_since: datetime | None = None) -> Page:
        listing = self._spec.list
        if listing is None:
            raise ListRefused(f"the adapter file of {self._spec.name} describes no list")
        request = listing.request
        if changed_since is not None and listing.changed_since is not None:
            request = Request(request.path, listing.changed_since.query)
        target = self._requests.target(request, lists.parameters(page, listing, changed_since, self._zone))
        return lists.read_page(await self._requests.get(limiter, target), page, self._spec, listing, self._zone)

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        answer = await self._requests.get(limiter, self._requests.target(self._spec.probe))
        meaning = meaning_of(answer, self._spec.answers)
        if meaning is not None:
            raise_for_account(answer, meaning, self._spec.answers)
        return read_probe(answer)

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:
        return invoice_map.to_invoice(document, before, self._spec.map, self._spec.invoice.id, self._zone)

    async def renew_token(self, limiter: RateLimiter) -> None:
        await self._requests.renew_token(limiter)

    async def _fetch_one(self, limiter: RateLimiter, known: Known, invoice_id: str) -> Fetched:
        async def ask(segment: str) -> Answer:
            return await self._requests.get(limiter, self._requests.target(self._spec.invoice.request, segment=segment))

        return await fetch_one(
            [invoice_id],
            self._clock,
            ask,
            partial(read_result, spec=self._spec),
            known,
            volatile=self._differs,
            id_field=self._spec.invoice.id,
        )

    async def _fetch_batch(
        self, limiter: RateLimiter, known: Known, batch: BatchSpec, ids: Sequence[str]
    ) -> Fetched | None:
        """An id without a row is asked for alone: absence from a batch is no proof that an invoice is gone."""
        target = self._requests.target(batch.request, _ids(ids, batch))
        answer = await self._requests.get(limiter, target)
        meaning = meaning_of(answer, self._spec.answers)
        if meaning is not None:
            raise_for_account(answer, meaning, self._spec.answers)
            if answer.status == 403:  # noqa: PLR2004  # status codes are their own names
                raise CredentialsRefused("HTTP 403: these credentials may not read invoices")
            raise InvoiceRefused(f"HTTP {answer.status}")
        try:
            rows = lists.envelope_and_rows(answer, batch.rows, batch.row)[1]
        except InvalidAnswer as error:
            return Fetched(dict.fromkeys(ids, Failed(error)), answer.made_at, answer.answered_at, answer.server_date)
        by_id = {str(row.get(self._spec.invoice.id)): text for row, text in rows}
        results: dict[str, PollResult] = {
            one: lists.found_row(by_id[one], self._spec, batch.row) for one in ids if one in by_id
        }
        for one in ids:
            if one not in results:
                results |= (await self._fetch_one(limiter, known, one)).results
        return fetched(results, answer)


def read_result(answer: Answer, spec: AdapterSpec) -> PollResult:
    """The result for one id. Raises what concerns the account, and InvalidAnswer."""
    refusal = refusal_of(answer, spec.answers)
    if refusal is not None:
        return refusal
    envelope, path = read_object(answer), spec.invoice.document
    document = object_at(envelope, path)
    write_raw = documents.raw if path else partial(documents.raw, body=answer.body)
    return Found(partial(_given, document), write_raw, partial(steady_fingerprint, spec=spec.invoice))


def _given(document: Document) -> Document:
    return document


def _ids(ids: Sequence[str], batch: BatchSpec) -> list[tuple[str, str]]:
    match batch.format:
        case IdFormat.REPEATED:
            return [(batch.parameter, one) for one in ids]
        case IdFormat.COMMAS:
            return [(batch.parameter, ",".join(ids))]
        case IdFormat.JSON:
            return [(batch.parameter, json.dumps(list(ids), separators=(",", ":")))]


@dataclass(frozen=True, slots=True)
class BuildByFile:
    """`ProviderKind.build` of an adapter file; equal for files of the same text."""

    spec: AdapterSpec

    def __call__(self, account: Account, session: aiohttp.ClientSession, clock: Clock, random: Random) -> FileProvider:
        del random
        return FileProvider(self.spec, account, ProviderHttp(session, account, clock), clock)


def kind_of(spec: AdapterSpec) -> ProviderKind:
    return ProviderKind(
        name=spec.name,
        credentials=spec.credentials,
        base_url=spec.base_url,
        rate=spec.rate,
        build=BuildByFile(spec),
        timezone=spec.timezone,
        options=spec.urls,
        texts=spec.options,
        digest=spec.digest.hex(),
        batch_size=1 if spec.batch is None else spec.batch.size,
        hint_scheme=None if spec.hints is None else HintsByFile(spec, spec.hints),
        hints_cover_url=spec.hints is not None and spec.hints.over is HmacOver.URL_AND_BODY,
    )
