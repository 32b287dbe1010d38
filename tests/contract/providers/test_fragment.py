"""Fragment over the wire: the token, the batch call and what stands in for it, and every outcome of a poll."""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp import web

from tests.contract.providers.documents import part, read
from tests.fakes.provider_server import START, ProviderServer, StillClock, UnlimitedRate
from watcher.core import json_text
from watcher.core.errors import (
    CredentialsRefused,
    InvalidAnswer,
    InvoiceRefused,
    ProviderUnavailable,
    RateLimited,
    WatcherError,
)
from watcher.ports import Failed, Fetched, Found, Missing, PollResult, Provider
from watcher.providers import PROVIDERS, fragment
from watcher.providers.toolkit.http import Answer
from watcher.providers.toolkit.http_body import MAX_BODY_BYTES
from watcher.providers.toolkit.kind import Account

_SECRET = "s3cret:of/the+client"
_ODD_IDS = ["a/b", "50%", "what?", "#7", "{id}", "two words", " edge ", "é"]


@pytest.fixture
def provider(server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock) -> Provider:
    account = Account(
        name="acme",
        base_url=f"{server.url}/billing",
        timezone=ZoneInfo("UTC"),
        timeout=timedelta(seconds=5),
        credentials={"client_id": "client", "client_secret": _SECRET},
        options={"token_url": f"{server.url}/oauth2/token?x=1"},
    )
    return fragment.KIND.build(account, session, clock, lambda: 0.5)


def grant(server: ProviderServer) -> None:
    server.answer({"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600})


def invoice(invoice_id: str = "inv_1") -> dict[str, object]:
    amount = {"actual": "0", "expected": "100", "remaining": "100"}
    balances = [
        {"currency": currency, "net": amount, "payins": amount, "payouts": amount} for currency in ("USD", "EUR")
    ]
    return {"id": invoice_id, "status": "active", "balances": balances, "line_items": [{"id": "item"}]}


def batch(ids: Sequence[str], missing: Sequence[str] = ()) -> dict[str, object]:
    return {"data": {"invoices": [invoice(invoice_id) for invoice_id in ids], "not_found": list(missing)}}


def kinds(fetched: Fetched) -> dict[str, type[PollResult]]:
    return {invoice_id: type(result) for invoice_id, result in fetched.results.items()}


def failure(fetched: Fetched, invoice_id: str) -> WatcherError:
    result = fetched.results[invoice_id]
    assert isinstance(result, Failed)
    return result.error


async def test_one_invoice_is_asked_for_with_a_token_got_by_basic_authorization(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server)
    example = read("fragment_g3_invoice.json")
    server.answer(json_text.write(example), headers={"Date": "Sun, 22 Nov 2026 10:00:01 GMT"})
    fetched = await provider.fetch(["order/2026#7 50%"], limiter)
    token_call, get = server.asked
    assert (token_call.method, token_call.path) == ("POST", "/oauth2/token?x=1")
    assert token_call.headers["Authorization"] == f"Basic {b64encode(f'client:{_SECRET}'.encode()).decode()}"
    assert token_call.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert token_call.body == b"grant_type=client_credentials"
    assert (get.method, get.path) == ("GET", "/billing/invoices/order%2F2026%237%2050%25")
    assert get.headers["Authorization"] == "Bearer token-1"
    result = fetched.results["order/2026#7 50%"]
    assert isinstance(result, Found)
    assert result.document == part(example, "data")
    assert json.loads(result.raw) == part(example, "data")
    assert provider.to_invoice(result.document, None).line_count == 2
    assert fetched.server_date == datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC)
    assert limiter.asked == 2


@pytest.mark.parametrize("invoice_id", _ODD_IDS)
async def test_an_odd_id_is_one_path_segment_exactly(
    invoice_id: str, server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server)
    server.answer({"data": invoice(invoice_id)})
    fetched = await provider.fetch([invoice_id], limiter)
    segment = server.asked[1].path.removeprefix("/billing/invoices/")
    assert segment == "".join(
        f"%{byte:02X}" if not chr(byte).isalnum() or byte > 127 else chr(byte) for byte in invoice_id.encode()
    )
    assert kinds(fetched) == {invoice_id: Found}


async def test_several_are_asked_for_at_once_with_their_ids_exactly(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server)
    server.answer(batch(_ODD_IDS[:-1][::-1], missing=_ODD_IDS[-1:]))
    fetched = await provider.fetch([*_ODD_IDS, _ODD_IDS[0]], limiter)
    asked = server.asked[1]
    assert (asked.method, asked.path) == ("POST", "/billing/invoices/batch-get")
    assert json.loads(asked.body) == {"ids": _ODD_IDS}
    assert asked.headers["Content-Type"] == "application/json"
    assert kinds(fetched) == dict.fromkeys(_ODD_IDS[:-1], Found) | {_ODD_IDS[-1]: Missing}
    assert fetched.results[_ODD_IDS[-1]] == Missing("not_found")
    assert provider.batch_size == 200


async def test_an_id_that_the_batch_answer_does_not_mention_failed_and_is_not_missing(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server)
    strange: list[object] = [None, "text", {"no": "id"}, invoice("inv_9"), invoice("inv_1")]
    server.answer({"data": {"invoices": strange, "notFound": ["inv_3", None]}})
    fetched = await provider.fetch(["inv_1", "inv_2", "inv_3"], limiter)
    assert kinds(fetched) == {"inv_1": Found, "inv_2": Failed, "inv_3": Missing}
    assert isinstance(failure(fetched, "inv_2"), InvalidAnswer)


@pytest.mark.parametrize("status", [404, 405])
async def test_a_server_without_the_batch_call_is_asked_one_by_one_from_then_on(
    status: int, server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server)
    server.answer(status=status)
    server.answer({"data": invoice("inv_1")})
    server.answer(status=404)
    server.answer({"data": invoice("inv_3")})
    fetched = await provider.fetch(["inv_1", "inv_2", "inv_3"], limiter)
    assert kinds(fetched) == {"inv_1": Found, "inv_2": Missing, "inv_3": Found}
    assert provider.batch_size == 1
    await provider.fetch(["inv_3"], limiter)
    assert [asked.path.rpartition("/")[2] for asked in server.asked[2:]] == ["inv_1", "inv_2", "inv_3", "inv_3"]
    assert limiter.asked == len(server.asked) == 6


async def test_an_answer_that_is_too_long_is_asked_for_again_in_halves(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            padded = invoice("inv_1") | {"memo": "x" * MAX_BODY_BYTES}
            return web.json_response({"data": padded if request.path.endswith("inv_1") else invoice("inv_2")})
        ids = cast("dict[str, list[str]]", await request.json())["ids"]
        return web.json_response(batch(ids) | {"padding": "x" * MAX_BODY_BYTES * ("inv_1" in ids)})

    grant(server)
    server.answer_by(answer)
    fetched = await provider.fetch(["inv_1", "inv_2", "inv_3", "inv_4"], limiter)
    assert kinds(fetched) == {"inv_1": Failed, "inv_2": Found, "inv_3": Found, "inv_4": Found}
    assert provider.batch_size == 200


@pytest.mark.parametrize("status", [400, 422])
async def test_one_id_that_the_provider_refuses_does_not_spoil_the_others(
    status: int, server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            name = request.path.rpartition("/")[2]
            return web.Response(status=status) if name == "bad" else web.json_response({"data": invoice(name)})
        ids = cast("dict[str, list[str]]", await request.json())["ids"]
        return web.Response(status=status) if "bad" in ids else web.json_response(batch(ids))

    grant(server)
    server.answer_by(answer)
    fetched = await provider.fetch(["inv_1", "bad", "inv_3", "inv_4", ".."], limiter)
    assert kinds(fetched) == {"inv_1": Found, "bad": Failed, "inv_3": Found, "inv_4": Found, "..": Failed}
    assert isinstance(failure(fetched, "bad"), InvoiceRefused)
    assert not any(".." in asked.path for asked in server.asked)


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (404, {"anything": 1}, Missing),
        (400, {}, Failed),
        (403, {}, Failed),
        (422, {}, Failed),
        (200, {"data": invoice("another")}, Failed),
        (200, {"data": None}, Failed),
        (200, [], Failed),
        (200, b'{"data": {"id": "inv_1", "id": "inv_1"}}', Failed),
        (200, {"data": invoice("inv_1")}, Found),
        (200, invoice("inv_1"), Found),
    ],
)
async def test_what_concerns_one_invoice_is_its_poll(
    *,
    status: int,
    body: object,
    result: type[PollResult],
    server: ProviderServer,
    provider: Provider,
    limiter: UnlimitedRate,
) -> None:
    grant(server)
    server.answer(body, status=status)
    assert kinds(await provider.fetch(["inv_1"], limiter)) == {"inv_1": result}


@pytest.mark.parametrize("ids", [["inv_1"], ["inv_1", "inv_2"]])
@pytest.mark.parametrize(
    ("status", "error"), [(429, RateLimited), (500, ProviderUnavailable), (503, ProviderUnavailable)]
)
async def test_what_concerns_the_account_is_raised(
    *,
    ids: list[str],
    status: int,
    error: type[WatcherError],
    server: ProviderServer,
    provider: Provider,
    limiter: UnlimitedRate,
) -> None:
    grant(server)
    server.answer(status=status, headers={"Retry-After": "7"})
    with pytest.raises(error) as caught:
        await provider.fetch(ids, limiter)
    assert isinstance(caught.value, ProviderUnavailable)
    assert caught.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("body", [b"{", {"data": []}, {"data": {"invoices": "none"}}, {}])
async def test_a_batch_answer_nobody_can_read_is_an_outage_and_says_nothing_about_any_invoice(
    body: object, server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server)
    server.answer(body)
    with pytest.raises(ProviderUnavailable):
        await provider.fetch(["inv_1", "inv_2"], limiter)
    assert len(server.asked) == 2


async def test_forbidden_to_a_whole_batch_concerns_the_credentials(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server)
    server.answer(status=403)
    with pytest.raises(CredentialsRefused):
        await provider.fetch(["inv_1", "inv_2"], limiter)


def fingerprint(document: dict[str, object]) -> bytes:
    answer = Answer(200, {}, json_text.write({"data": document}), START, START)
    result = fragment.read_result(answer)
    assert isinstance(result, Found)
    return result.fingerprint


def test_the_order_of_users_balances_and_payments_is_no_change() -> None:
    example = part(read("fragment_g3_invoice.json"), "data")
    users, balances, payments = (cast("list[object]", example[key]) for key in ("users", "balances", "payments"))
    another = cast("dict[str, object]", payments[0]) | {"amount": "1"}
    straight = fingerprint(example | {"payments": [*payments, another]})
    turned = {"users": users[::-1], "balances": balances[::-1], "payments": [another, *payments]}
    assert fingerprint(example | turned) == straight
    assert len(straight) == 16
    assert fingerprint(example) != straight
    assert fingerprint(example | {"status": "other"}) != fingerprint(example)


def test_the_kind_is_in_the_table_with_its_keys_and_defaults() -> None:
    kind = PROVIDERS["fragment"]
    assert kind.credentials == ("client_id", "client_secret")
    assert kind.base_url == "https://api.us-west-2.fragment.dev/billing"
    assert (kind.rate, kind.timezone) == (5.0, "UTC")
    assert kind.options == {"token_url": "https://auth.us-west-2.fragment.dev/oauth2/token"}
