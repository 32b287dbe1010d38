from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from tests.fakes.provider_server import ProviderServer, StillClock, UnlimitedRate, adapter, fetch_result
from tests.fakes.wire_documents import example
from watcher.core import json_text
from watcher.core.errors import CredentialsRefused, InvalidAnswer, InvoiceRefused, ProviderUnavailable, RateLimited
from watcher.ports import Failed, Found, Missing, Provider
from watcher.providers.meteroid import KIND

KEY = "pv_sand_9s7Jt5dXvE3/7n42DGM5Tflk9n8mt7Fhc7"
ID = "inv_7n42DGM5Tflk9n8mt7Fhc7"
EXAMPLE = example("meteroid") | {"id": ID}


@pytest.fixture
def meteroid(session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock) -> Provider:
    return adapter(KIND, session, server.url, clock, {"api_key": KEY})


async def test_the_published_example_is_read_and_kept(
    meteroid: Provider, server: ProviderServer, clock: StillClock
) -> None:
    server.answer(EXAMPLE)
    got = await meteroid.fetch([ID], UnlimitedRate())
    result = got.results[ID]
    assert isinstance(result, Found)
    assert json_text.read(result.raw) == EXAMPLE == result.document
    assert meteroid.to_invoice(result.document, None).provider_status == "DRAFT/UNPAID"
    assert got.asked_at == clock.now()
    assert got.server_date is not None
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", f"/api/v1/invoices/{ID}")
    assert asked.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, None, InvoiceRefused),
        (403, {"code": "FORBIDDEN", "message": "no"}, InvoiceRefused),
        (409, {"code": "CONFLICT", "message": "no"}, InvoiceRefused),
        (200, b'{"total": NaN}', InvalidAnswer),
        (200, b'{"id": 1, "id": 2}', InvalidAnswer),
        (200, [], InvalidAnswer),
    ],
)
async def test_what_concerns_one_id_fails_that_id(
    meteroid: Provider, server: ProviderServer, status: int, body: object, error: type
) -> None:
    server.answer(body, status=status, text="Invalid URL: Cannot parse `invoice_id`" if body is None else None)
    result = await fetch_result(meteroid, ID)
    assert isinstance(result, Failed)
    assert type(result.error) is error


async def test_a_404_is_a_miss(meteroid: Provider, server: ProviderServer) -> None:
    server.answer({"code": "NOT_FOUND", "message": "Invoice not found"}, status=404)
    assert await fetch_result(meteroid, ID) == Missing("HTTP 404 NOT_FOUND: Invoice not found")


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "UNAUTHORIZED", CredentialsRefused),
        (401, "TOKEN_EXPIRED", CredentialsRefused),
        (429, "TOO_MANY_REQUESTS", RateLimited),
        (500, "INTERNAL_SERVER_ERROR", ProviderUnavailable),
        (503, "", ProviderUnavailable),
    ],
)
async def test_what_concerns_the_account_is_raised(
    meteroid: Provider,
    server: ProviderServer,
    status: int,
    code: str,
    error: type[Exception],
) -> None:
    server.answer({"code": code, "message": f"seen {KEY}"}, status=status, headers={"Retry-After": "30"})
    with pytest.raises(error) as caught:
        await meteroid.fetch([ID], UnlimitedRate())
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)
    if isinstance(caught.value, ProviderUnavailable):
        assert caught.value.retry_after == timedelta(seconds=30)


async def test_an_id_that_no_path_can_carry_fails_without_a_request(meteroid: Provider, server: ProviderServer) -> None:
    assert isinstance(await fetch_result(meteroid, ".."), Failed)
    assert server.asked == []


async def test_the_probe_is_a_list_of_one_and_distinguishes_a_missing_invoice_from_an_outage(
    meteroid: Provider, server: ProviderServer
) -> None:
    server.answer({"code": "INTERNAL_SERVER_ERROR"}, status=500)
    server.answer({"data": [], "pagination_meta": {}}, headers={"Date": "Sun, 22 Nov 2026 10:00:00 GMT"})
    with pytest.raises(ProviderUnavailable):
        await meteroid.fetch([ID], UnlimitedRate())
    assert await meteroid.probe(UnlimitedRate()) == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert server.asked[1].path == "/api/v1/invoices?page=0&per_page=1"


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, CredentialsRefused), (403, CredentialsRefused), (404, ProviderUnavailable), (200, ProviderUnavailable)],
)
async def test_a_probe_that_fails_says_how(
    meteroid: Provider, server: ProviderServer, status: int, error: type[Exception]
) -> None:
    server.answer(status=status, text="<html>", headers={"Content-Type": "text/html"})
    with pytest.raises(error):
        await meteroid.probe(UnlimitedRate())


async def test_only_what_is_volatile_leaves_the_fingerprint_alone(meteroid: Provider, server: ProviderServer) -> None:
    one, two = ({"id": one, "amount": 1} for one in ("pay_1", "pay_2"))
    base = EXAMPLE | {"transactions": [one, two]}
    same = base | {"transactions": [two, one], "updated_at": "2030-01-01T00:00:00"}
    other = base | {"amount_due": 124}
    prints: list[bytes] = []
    for document in (base, same, other):
        server.answers.clear()
        server.answer(document)
        result = await fetch_result(meteroid, ID)
        assert isinstance(result, Found)
        prints.append(result.fingerprint)
    assert prints[0] == prints[1] != prints[2]
    assert len(prints[0]) == 16
