"""The conformance tests. They need no pytest plug-in for coroutines: each runs its own event loop."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar, cast
from zoneinfo import ZoneInfo

import pytest

from watcher.clock import SystemClock
from watcher.provider_api import (
    NOTHING_KNOWN,
    Account,
    CredentialsRefused,
    Failed,
    Fetched,
    Found,
    InvalidAnswer,
    Invoice,
    Known,
    ListRefused,
    Missing,
    PollResult,
    Provider,
    ProviderUnavailable,
    RateLimited,
    Same,
    WatcherError,
)
from watcher.provider_testing.case import Case, Reply
from watcher.provider_testing.server import ScriptedServer, scripted_server
from watcher.providers.toolkit.session import open_session

_SECRET = "conformance-secret-0123456789"  # noqa: S105 -- made up
_LATER = timedelta(seconds=90)


class _Limiter:
    def __init__(self) -> None:
        self.asked = 0

    async def wait(self) -> None:
        self.asked += 1


Asking = Callable[[Provider, ScriptedServer, _Limiter], Awaitable[None]]


@asynccontextmanager
async def _opened(case: Case, replies: Sequence[Reply]) -> AsyncGenerator[tuple[Provider, ScriptedServer]]:
    async with scripted_server(*case.tokens, *replies) as server, open_session() as session:
        credentials = {key: case.credentials.get(key, _SECRET) for key in case.kind.credentials}
        options = {**case.kind.options, **case.kind.texts, **case.options}
        account = Account(
            name="conformance",
            base_url=server.url,
            timezone=ZoneInfo(case.kind.timezone),
            timeout=timedelta(seconds=5),
            credentials=credentials,
            options={key: text.replace("{url}", server.url) for key, text in options.items()},
        )
        yield case.kind.build(account, session, SystemClock(), lambda: 0.5), server


class ProviderConformance:
    """Inherit, name the subclass `Test…`, and give it a `case`."""

    case: ClassVar[Case]

    def _run(self, asking: Asking, *replies: Reply) -> None:
        async def run() -> None:
            async with _opened(self.case, replies) as (provider, server):
                await asking(provider, server, _Limiter())

        asyncio.run(run())

    def _fetched(self, *replies: Reply, known: Known = NOTHING_KNOWN) -> list[Fetched]:
        """One poll for each reply, which all come from one account."""
        found: list[Fetched] = []

        async def ask(provider: Provider, _server: ScriptedServer, limiter: _Limiter) -> None:
            found.extend([await provider.fetch([self.case.invoice_id], limiter, known) for _ in replies])

        self._run(ask, *replies)
        return found

    def _results(self, *replies: Reply, known: Known = NOTHING_KNOWN) -> list[PollResult]:
        return [one.results[self.case.invoice_id] for one in self._fetched(*replies, known=known)]

    def _found(self, *replies: Reply) -> list[Found]:
        results = self._results(*replies)
        assert [type(one) for one in results] == [Found] * len(replies)
        return cast("list[Found]", results)

    def test_an_invoice_is_found_and_read(self) -> None:
        async def ask(provider: Provider, _server: ScriptedServer, limiter: _Limiter) -> None:
            result = (await provider.fetch([self.case.invoice_id], limiter)).results[self.case.invoice_id]
            assert isinstance(result, Found)
            invoice = provider.to_invoice(result.document, None)
            assert isinstance(invoice, Invoice)
            assert invoice.id
            assert all(row.due >= 0 for row in invoice.amounts)
            assert provider.to_invoice(result.document, None) == invoice, "it is pure"

        self._run(ask, self.case.found)

    def test_what_is_kept_is_json_without_secrets(self) -> None:
        (found,) = self._found(self.case.found)
        json.loads(found.raw)
        assert _SECRET.encode() not in found.raw

    def test_every_request_waits_for_the_rate(self) -> None:
        async def ask(provider: Provider, server: ScriptedServer, limiter: _Limiter) -> None:
            await provider.fetch([self.case.invoice_id], limiter)
            assert limiter.asked == len(server.asked) > 0

        self._run(ask, self.case.found)

    def test_times_are_those_of_the_request(self) -> None:
        before = datetime.now(UTC)
        (fetched,) = self._fetched(self.case.found)
        assert before <= fetched.asked_at <= fetched.answered_at <= datetime.now(UTC)

    def test_the_same_text_is_not_read_again(self) -> None:
        first, second = self._found(self.case.found, self.case.found)
        assert len(first.text) == len(second.text) == 16  # noqa: PLR2004 -- bytes of a digest
        known = {self.case.invoice_id: first.text}
        assert self._results(self.case.found, known=known) == [Same()]
        assert isinstance(self._results(self.case.changed, known=known)[0], Found)

    def test_a_change_has_another_fingerprint_and_noise_has_not(self) -> None:
        noise = self.case.volatile or self.case.found
        first, same, other = self._found(self.case.found, noise, self.case.changed)
        assert first.fingerprint == same.fingerprint
        assert first.fingerprint != other.fingerprint

    def test_a_missing_invoice_is_a_miss(self) -> None:
        (result,) = self._results(self.case.missing)
        assert isinstance(result, Missing)
        assert result.reason
        known = {self.case.invoice_id: b"0" * 16}
        assert isinstance(self._results(self.case.missing, known=known)[0], Missing)

    def test_an_answer_about_another_invoice_is_refused(self) -> None:
        other = "conformance-other"

        async def ask(provider: Provider, _server: ScriptedServer, limiter: _Limiter) -> None:
            result = (await provider.fetch([other], limiter)).results[other]
            assert isinstance(result, Failed)

        self._run(ask, self.case.found)

    @pytest.mark.parametrize("odd", ["..", ".", "", "\ud800"])
    def test_an_id_that_no_path_can_carry_fails_alone(self, odd: str) -> None:
        async def ask(provider: Provider, _server: ScriptedServer, limiter: _Limiter) -> None:
            assert isinstance((await provider.fetch([odd], limiter)).results[odd], Failed | Missing)

        self._run(ask, self.case.missing)

    @pytest.mark.parametrize("body", ["", "{", "[]", '{"a": NaN}', '{"a": 1, "a": 2}', "null", "[" * 100_000])
    def test_an_answer_that_is_no_document_fails_in_words(self, body: str) -> None:
        try:
            (result,) = self._results(Reply(body))
        except ProviderUnavailable:
            return
        assert isinstance(result, Failed)
        assert str(result.error)

    def test_a_page_of_a_proxy_is_no_document(self) -> None:
        reply = Reply("<html>", headers={"Content-Type": "text/html"})
        try:
            (result,) = self._results(reply)
        except ProviderUnavailable:
            return
        assert isinstance(result, Failed)

    def test_too_many_requests_pause_the_account(self) -> None:
        with pytest.raises(RateLimited) as caught:
            self._results(Reply({}, 429, {"Retry-After": "90"}))
        assert caught.value.retry_after == _LATER

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_an_outage_is_no_miss_and_no_refusal(self, status: int) -> None:
        with pytest.raises(ProviderUnavailable):
            self._results(Reply({}, status))

    def test_a_redirect_is_not_followed(self) -> None:
        with pytest.raises(ProviderUnavailable):
            self._results(Reply({}, 302, {"Location": "/elsewhere"}))

    def test_refused_credentials_stop_the_account_and_are_never_shown(self) -> None:
        async def ask(provider: Provider, _server: ScriptedServer, limiter: _Limiter) -> None:
            with pytest.raises(CredentialsRefused) as caught:
                await provider.probe(limiter)
            assert _SECRET not in str(caught.value) + repr(provider)

        self._run(ask, self.case.refused_credentials, *self.case.renewed)

    def test_a_list_without_rows_ends_or_goes_on_but_has_none(self) -> None:
        async def ask(provider: Provider, _server: ScriptedServer, limiter: _Limiter) -> None:
            assert (await provider.list_page(None, limiter)).rows == ()

        self._run(ask, self.case.list_of_none)

    @pytest.mark.parametrize(
        ("reply", "error"),
        [(Reply({}, 404), ListRefused), (Reply("[{"), ListRefused), (Reply({}, 503), ProviderUnavailable)],
    )
    def test_a_list_that_is_none_is_told_apart_from_an_outage(self, reply: Reply, error: type[WatcherError]) -> None:
        async def ask(provider: Provider, _server: ScriptedServer, limiter: _Limiter) -> None:
            with pytest.raises(error):
                await provider.list_page(None, limiter)

        self._run(ask, reply)

    @pytest.mark.parametrize("value", [None, True, -1, "x", [], {}, [1], {"a": {}}, 10**40])
    def test_any_value_in_any_field_is_read_or_refused(self, value: object) -> None:
        async def ask(provider: Provider, _server: ScriptedServer, limiter: _Limiter) -> None:
            result = (await provider.fetch([self.case.invoice_id], limiter)).results[self.case.invoice_id]
            assert isinstance(result, Found)
            for key in result.document:
                try:
                    provider.to_invoice({**result.document, key: value}, None)
                except InvalidAnswer:
                    continue

        self._run(ask, self.case.found)
