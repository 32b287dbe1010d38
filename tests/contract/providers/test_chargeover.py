"""ChargeOver over the wire: the bulk call and what stands in for it, every outcome of a poll, and what is not kept."""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from tests.contract.providers.documents import read_bytes
from tests.fakes.provider_server import START, ProviderServer, StillClock, UnlimitedRate
from watcher.core import json_text
from watcher.core.errors import (
    CredentialsRefused,
    InvoiceRefused,
    ProviderUnavailable,
    RateLimited,
    WatcherError,
)
from watcher.ports import Failed, Fetched, Found, Missing, PollResult, Provider
from watcher.providers import PROVIDERS, chargeover
from watcher.providers.toolkit.http import Answer
from watcher.providers.toolkit.kind import Account

_SECRET = "priv:ate/key"
_EXAMPLE = "chargeover_invoice.json"
_REFUSED: dict[str, object] = {
    "code": 401,
    "status": "Error",
    "message": f"Invalid or incorrect authorization [{_SECRET}]",
    "details": {},
    "response": False,
}


@pytest.fixture
def provider(server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock) -> Provider:
    account = Account(
        name="acme",
        base_url=f"{server.url}/tenant/api/v3",
        timezone=ZoneInfo("America/Chicago"),
        timeout=timedelta(seconds=5),
        credentials={"public_key": "public", "private_key": _SECRET},
    )
    return chargeover.KIND.build(account, session, clock, lambda: 0.5)


def row(invoice_id: object = 98165, **changes: object) -> dict[str, object]:
    invoice = {"invoice_id": invoice_id, "currency_iso4217": "USD", "total": 100, "balance": 100.5} | changes
    return {"code": 200, "status": "OK", "message": "", "details": [], "response": invoice}


def error_row(code: int) -> dict[str, object]:
    return {"code": code, "status": "Error", "message": "words", "details": [], "response": False}


def bulk(*rows: object) -> dict[str, object]:
    return {"code": 200, "status": "OK", "message": None, "details": [], "response": {"_bulk": list(rows)}}


def kinds(results: Mapping[str, PollResult]) -> dict[str, type[PollResult]]:
    return {invoice_id: type(result) for invoice_id, result in results.items()}


def failure(fetched: Fetched, invoice_id: str) -> WatcherError:
    result = fetched.results[invoice_id]
    assert isinstance(result, Failed)
    return result.error


def found(body: bytes) -> Found:
    result = chargeover.read_result(Answer(200, {}, body, START, START))
    assert isinstance(result, Found)
    return result


def fingerprint(**changes: object) -> bytes:
    row = {"due_date": "2019-10-26", "days_overdue": 0, "url_ttl_paylink": "https://x/1", "amount": 1}
    invoice = {"invoice_id": 98165, "invoice_status_str": "open-unpaid", "schedule": [row], "total": 100}
    return found(json_text.write({"code": 200, "response": invoice | changes})).fingerprint


async def test_one_invoice_is_asked_for_alone_with_basic_authorization(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    server.answer(read_bytes(_EXAMPLE), headers={"Date": "Sun, 22 Nov 2026 10:00:01 GMT"})
    fetched = await provider.fetch(["98165"], limiter)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/tenant/api/v3/invoice/98165")
    assert asked.headers["Authorization"] == f"Basic {b64encode(f'public:{_SECRET}'.encode()).decode()}"
    result = fetched.results["98165"]
    assert isinstance(result, Found)
    assert provider.to_invoice(result.document, None).created_at == datetime(2019, 9, 26, 15, 16, 43, tzinfo=UTC)
    assert fetched.server_date == datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC)
    assert limiter.asked == 1


async def test_several_are_asked_for_in_one_bulk_call_each_with_its_own_code(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    rows = [row(1), error_row(404), error_row(401), row("4"), error_row(500), error_row(400)]
    server.answer(bulk(*rows))
    ids = ["1", "2", "3", "4", "5", "6"]
    fetched = await provider.fetch(ids, limiter)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/tenant/api/v3/_bulk")
    assert json.loads(asked.body) == [
        {"request_method": "GET", "uri": f"/tenant/api/v3/invoice/{one}", "payload": None} for one in ids
    ]
    kinds = [type(fetched.results[one]) for one in ids]
    assert kinds == [Found, Missing, Failed, Found, Failed, Failed]
    assert isinstance(failure(fetched, "3"), InvoiceRefused)
    assert provider.batch_size == 25


async def test_odd_ids_are_one_path_segment_exactly(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    odd, path = "a/b?#%{} ", "/tenant/api/v3/invoice/a%2Fb%3F%23%25%7B%7D%20"
    server.answer(bulk(error_row(400), row(1)))
    server.answer(error_row(400), status=400)
    fetched = await provider.fetch([odd, "1"], limiter)
    assert json.loads(server.asked[0].body)[0]["uri"] == path
    assert kinds(fetched.results) == {odd: Failed, "1": Found}
    await provider.fetch([odd], limiter)
    assert server.asked[1].path == path


async def test_an_id_that_would_ask_for_another_resource_is_never_sent(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    server.answer(row(1))
    fetched = await provider.fetch(["..", "1"], limiter)
    assert kinds(fetched.results) == {"..": Failed, "1": Found}
    assert [asked.path for asked in server.asked] == ["/tenant/api/v3/invoice/1"]


async def test_a_429_in_one_row_holds_for_the_account(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    server.answer(bulk(row(1), error_row(429)))
    with pytest.raises(RateLimited):
        await provider.fetch(["1", "2"], limiter)


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_a_server_without_the_bulk_call_is_asked_one_by_one_from_then_on(
    status: int, server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    server.answer(error_row(status), status=status)
    server.answer(row(1))
    server.answer(error_row(404), status=404)
    fetched = await provider.fetch(["1", "2"], limiter)
    assert kinds(fetched.results) == {"1": Found, "2": Missing}
    assert provider.batch_size == 1
    await provider.fetch(["2"], limiter)
    assert [asked.path.rpartition("/")[2] for asked in server.asked] == ["_bulk", "1", "2", "2"]
    assert limiter.asked == 4


_ROWS: list[tuple[list[object], dict[str, type[PollResult]]]] = [
    ([row(2), row(1)], {"1": Found, "2": Found}),
    ([row(2), error_row(404)], {"1": Failed, "2": Found}),
    ([row(1)], {"1": Found, "2": Failed}),
    ([error_row(404)], {"1": Failed, "2": Failed}),
    ([row(1), error_row(404), row(2)], {"1": Found, "2": Found}),
    ([], {"1": Failed, "2": Failed}),
    ([row(1), None], {"1": Found, "2": Failed}),
    ([row(1), {"code": 200, "response": False}], {"1": Found, "2": Failed}),
    ([row(1), {"code": "404", "response": []}], {"1": Found, "2": Missing}),
    ([row(1), row(9)], {"1": Found, "2": Failed}),
]


@pytest.mark.parametrize(("rows", "results"), _ROWS)
async def test_a_row_out_of_its_place_is_believed_only_if_it_says_whose_it_is(
    *,
    rows: list[object],
    results: dict[str, type[PollResult]],
    server: ProviderServer,
    provider: Provider,
    limiter: UnlimitedRate,
) -> None:
    server.answer(bulk(*rows))
    assert kinds((await provider.fetch(["1", "2"], limiter)).results) == results


_ANSWERS: list[tuple[int, object, type[PollResult]]] = [
    (404, error_row(404), Missing),
    (404, b"<html>", Missing),
    (400, error_row(400), Failed),
    (403, error_row(403), Failed),
    (200, error_row(404), Missing),
    (200, {"code": 200, "response": False}, Failed),
    (200, row(2), Failed),
    (200, b"{", Failed),
    (200, row("1"), Found),
    (200, row(1) | {"details": {}}, Found),
]


@pytest.mark.parametrize(("status", "body", "result"), _ANSWERS)
async def test_what_concerns_one_invoice_is_its_poll(
    *,
    status: int,
    body: object,
    result: type[PollResult],
    server: ProviderServer,
    provider: Provider,
    limiter: UnlimitedRate,
) -> None:
    server.answer(body, status=status)
    assert kinds((await provider.fetch(["1"], limiter)).results) == {"1": result}


@pytest.mark.parametrize("ids", [["1"], ["1", "2"]])
@pytest.mark.parametrize(
    ("status", "error"), [(401, CredentialsRefused), (429, RateLimited), (500, ProviderUnavailable)]
)
async def test_what_concerns_the_account_is_raised_without_its_secrets(
    *,
    ids: list[str],
    status: int,
    error: type[WatcherError],
    server: ProviderServer,
    provider: Provider,
    limiter: UnlimitedRate,
) -> None:
    server.answer(_REFUSED, status=status)
    for call in (provider.fetch(ids, limiter), provider.probe(limiter)):
        with pytest.raises(error) as caught:
            await call
        assert _SECRET not in str(caught.value)
    assert len(server.asked) == 2


@pytest.mark.parametrize("body", [b"{", {"response": False}, {"response": {}}, []])
async def test_a_bulk_answer_nobody_can_read_is_an_outage_and_says_nothing_about_any_invoice(
    body: object, server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    server.answer(body)
    with pytest.raises(ProviderUnavailable):
        await provider.fetch(["1", "2"], limiter)


async def test_the_control_call_lists_one_invoice_and_no_token_is_ever_renewed(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    server.answer({"code": 200, "response": []}, headers={"Date": "Sun, 22 Nov 2026 10:00:01 GMT"})
    assert await provider.probe(limiter) == datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC)
    await provider.renew_token(limiter)
    assert [asked.path for asked in server.asked] == ["/tenant/api/v3/invoice?limit=1"]


def test_what_opens_or_pays_without_login_and_addresses_are_not_kept() -> None:
    result = found(read_bytes(_EXAMPLE))
    kept = json.loads(result.raw)
    for secret in ("i3p4ke5ud2", "r/paylink", "r/ttl", "sched-token", "item-token", "1 Test Lane", "Springfield"):
        assert secret not in result.raw.decode()
    assert kept["url_self"] == "https://acme.chargeover.com/admin/r/invoice/view/98165"
    assert kept["schedule"][0]["amount"] == 65.5
    assert (kept["line_items"][0]["item_name"], kept["tags"]) == ("Consulting", ["wholesale"])


@pytest.mark.parametrize(
    "changes",
    [
        {"days_overdue": 4, "overdue": 65, "is_overdue": True},
        {"mod_datetime": "2019-09-28 00:00:00"},
        {"admin_name": "Other", "terms_name": "Other", "currency_symbol": "US$"},
        {"bill_city": "Elsewhere", "ship_block": "Elsewhere"},
        {"schedule": [{"due_date": "2019-10-26", "days_overdue": 3, "url_ttl_paylink": "https://x/2", "amount": 1}]},
    ],
)
def test_what_moves_by_itself_is_no_change(changes: dict[str, object]) -> None:
    assert fingerprint(**changes) == fingerprint()


@pytest.mark.parametrize(
    "changes", [{"invoice_status_str": "open-overdue"}, {"total": 101}, {"schedule": []}, {"memo": "new"}]
)
def test_anything_else_is_a_change(changes: dict[str, object]) -> None:
    assert fingerprint(**changes) != fingerprint()


def test_the_kind_is_in_the_table_with_its_keys_and_defaults() -> None:
    kind = PROVIDERS["chargeover"]
    assert kind.credentials == ("public_key", "private_key")
    assert (kind.base_url, kind.rate, kind.timezone) == (None, 1.0, "America/Chicago")
    assert not kind.options
