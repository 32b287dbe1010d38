import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from tests.fakes.provider_server import (
    ProviderServer,
    StillClock,
    UnlimitedRate,
    adapter,
    fetch_result,
)
from tests.fakes.wire_documents import example
from watcher.core import json_text
from watcher.core.errors import CredentialsRefused, InvalidAnswer, InvoiceRefused, ProviderUnavailable, RateLimited
from watcher.ports import Failed, Found, Missing, Provider
from watcher.providers.dollr import KIND

CREDENTIALS = {"client_id": "merchant-9", "client_secret": "do-not-show-me-1234567890"}
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5In0.c2lnbmF0dXJl"
GRANT = {"access_token": TOKEN, "expires_in": 60}
LAPSED = {"detail": "Could not validate credentials"}


@pytest.fixture
def dollr(session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock) -> Provider:
    return adapter(KIND, session, server.url, clock, CREDENTIALS)


def paths(server: ProviderServer) -> list[str]:
    return [asked.path for asked in server.asked]


OBTAIN = "/v1/jwt/client/obtain/token"
RETRIEVE = "/v1/invoices/retrieve/123"


async def test_a_token_is_obtained_by_json_and_then_the_published_example_is_read(
    dollr: Provider, server: ProviderServer
) -> None:
    server.answer(GRANT)
    server.answer(example("dollr"))
    result = await fetch_result(dollr, "123")
    assert isinstance(result, Found)
    assert result.document == example("dollr")
    obtain, retrieve = server.asked
    assert (obtain.method, obtain.path, json.loads(obtain.body)) == ("POST", OBTAIN, CREDENTIALS)
    assert obtain.headers["Content-Type"] == "application/json"
    assert "Authorization" not in obtain.headers
    assert (retrieve.method, retrieve.path) == ("GET", RETRIEVE)
    assert retrieve.headers["Authorization"] == f"Bearer {TOKEN}"


async def test_every_request_is_paced_the_token_call_too(dollr: Provider, server: ProviderServer) -> None:
    limiter = UnlimitedRate()
    server.answer(GRANT)
    server.answer(example("dollr") | {"total_amount": 1})
    await dollr.fetch(["123"], limiter)
    await dollr.fetch(["123"], limiter)
    assert limiter.asked == len(server.asked) == 3


async def test_a_lifetime_is_reported_in_minutes_and_the_token_renewed_five_before_its_end(
    dollr: Provider, server: ProviderServer, clock: StillClock
) -> None:
    server.answer(GRANT)
    server.answer(example("dollr"))
    server.answer(example("dollr"))
    server.answer(GRANT)
    server.answer(example("dollr"))
    await fetch_result(dollr, "123")
    clock.advance(timedelta(minutes=54))
    await fetch_result(dollr, "123")
    clock.advance(timedelta(minutes=1))
    await fetch_result(dollr, "123")
    assert paths(server) == [OBTAIN, RETRIEVE, RETRIEVE, OBTAIN, RETRIEVE]


@pytest.mark.parametrize(("status", "body"), [(401, LAPSED), (403, {"detail": "Not authenticated"})])
async def test_a_refused_token_is_replaced_and_the_request_made_again_once(
    dollr: Provider, server: ProviderServer, status: int, body: object
) -> None:
    server.answer(GRANT)
    server.answer(body, status=status)
    server.answer({"access_token": "second", "expires_in": 60})
    server.answer(example("dollr"))
    assert isinstance(await fetch_result(dollr, "123"), Found)
    assert paths(server) == [OBTAIN, RETRIEVE, OBTAIN, RETRIEVE]
    assert server.asked[-1].headers["Authorization"] == "Bearer second"


async def test_a_fresh_token_that_is_refused_means_the_credentials_are(dollr: Provider, server: ProviderServer) -> None:
    server.answer(GRANT)
    server.answer(LAPSED, status=401)
    server.answer({"access_token": "second", "expires_in": 60})
    server.answer({"detail": f"bad token {TOKEN}"}, status=401)
    with pytest.raises(CredentialsRefused) as caught:
        await fetch_result(dollr, "123")
    assert TOKEN not in str(caught.value)
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"detail": "no"}, CredentialsRefused),
        (401, {"detail": "Invalid client do-not-show-me-1234567890"}, CredentialsRefused),
        (422, {"detail": [{"loc": ["body", "client_id"], "msg": "field required", "type": "x"}]}, CredentialsRefused),
        (429, {"detail": "slow"}, RateLimited),
        (500, {"detail": "oops"}, ProviderUnavailable),
        (200, {"expires_in": 60}, ProviderUnavailable),
        (200, b"<html>", ProviderUnavailable),
        (200, {"access_token": 5}, ProviderUnavailable),
    ],
)
async def test_a_token_call_that_fails_is_reported_for_what_it_is(
    dollr: Provider, server: ProviderServer, status: int, body: object, error: type[Exception]
) -> None:
    server.answer(body, status=status)
    with pytest.raises(error) as caught:
        await fetch_result(dollr, "123")
    assert type(caught.value) is error
    assert CREDENTIALS["client_secret"] not in str(caught.value) + repr(caught.value) + repr(dollr)
    assert paths(server) == [OBTAIN]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, {"detail": "Account is not verified"}, "HTTP 403: Account is not verified"),
        (
            422,
            {"detail": [{"loc": ["path", "id"], "msg": "value is not a valid integer", "type": "type_error"}]},
            "HTTP 422: path.id: value is not a valid integer",
        ),
        (422, {"detail": "Invalid id"}, "HTTP 422: Invalid id"),
        (422, {"detail": [5, {"loc": None}]}, "HTTP 422: ?: None"),
        (400, {}, "HTTP 400"),
    ],
)
async def test_what_concerns_one_id_fails_that_id_in_words(
    dollr: Provider, server: ProviderServer, status: int, body: object, words: str
) -> None:
    server.answer(GRANT)
    server.answer(body, status=status)
    result = await fetch_result(dollr, "123")
    assert isinstance(result, Failed)
    assert (type(result.error), str(result.error)) == (InvoiceRefused, words)


async def test_a_404_is_a_miss(dollr: Provider, server: ProviderServer) -> None:
    server.answer(GRANT)
    server.answer({"detail": "Invoice not found"}, status=404)
    assert await fetch_result(dollr, "7") == Missing("HTTP 404: Invoice not found")


async def test_broken_json_fails_the_id(dollr: Provider, server: ProviderServer) -> None:
    server.answer(GRANT)
    server.answer(b'{"total_amount": Infinity}')
    result = await fetch_result(dollr, "7")
    assert isinstance(result, Failed)
    assert isinstance(result.error, InvalidAnswer)


@pytest.mark.parametrize(("headers", "wait"), [({"Retry-After": "90"}, timedelta(seconds=90)), ({}, None)])
async def test_a_429_carries_the_request_to_back_off_if_present(
    dollr: Provider, server: ProviderServer, headers: dict[str, str], wait: timedelta | None
) -> None:
    server.answer(GRANT)
    server.answer({"detail": "Too many"}, status=429, headers=headers)
    with pytest.raises(RateLimited) as caught:
        await fetch_result(dollr, "123")
    assert caught.value.retry_after == wait


async def test_the_probe_proves_the_bearer_by_the_shortest_list(dollr: Provider, server: ProviderServer) -> None:
    server.answer(GRANT)
    server.answer([], headers={"Date": "Sun, 22 Nov 2026 10:00:00 GMT"})
    assert await dollr.probe(UnlimitedRate()) == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert paths(server) == [OBTAIN, "/v1/invoices/list?status=IDLE"]


async def test_renewing_ahead_obtains_a_token_only_when_needed(
    dollr: Provider, server: ProviderServer, clock: StillClock
) -> None:
    server.answer(GRANT)
    for minutes in (0, 54, 1):
        clock.advance(timedelta(minutes=minutes))
        await dollr.renew_token(UnlimitedRate())
    assert paths(server) == [OBTAIN, OBTAIN]


async def test_edits_of_the_live_counterparty_leave_the_fingerprint_alone(
    dollr: Provider, server: ProviderServer
) -> None:
    base = example("dollr") | {"invoice_items": [{"id": 1}, {"id": 2}]}
    edited = base | {
        "updated_at": "2030-01-01T00:00:00Z",
        "invoice_items": [{"id": 2}, {"id": 1}],
        "counterparty": {"id": 123, "updated_at": "x", "party": {"fullname": "<string>", "email": "new@example.com"}},
    }
    server.answer(GRANT)
    prints: list[bytes] = []
    for document in (base, edited, base | {"status": "PAID"}):
        server.answer(document)
    for _ in range(3):
        result = await fetch_result(dollr, "123")
        assert isinstance(result, Found)
        prints.append(result.fingerprint)
    assert prints[0] == prints[1] != prints[2]


async def test_what_is_kept_holds_exact_numbers_and_no_links(dollr: Provider, server: ProviderServer) -> None:
    server.answer(GRANT)
    sent = example("dollr") | {"note": "Pay at https://pay.example/abc?t=1 today", "payment_link": "pay.example/abc"}
    server.answer(json.dumps(sent, default=float).replace('"total_amount": 123', '"total_amount": 1079.980').encode())
    result = await fetch_result(dollr, "123")
    assert isinstance(result, Found)
    assert b"pay.example" not in result.raw
    assert b'"total_amount":1079.980,' in result.raw
    kept = json_text.read(result.raw)
    assert isinstance(kept, dict)
    assert kept["note"] == "Pay at *** today"
    assert kept["as_payment_link"] is True
