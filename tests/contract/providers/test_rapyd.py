import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import cast

import aiohttp
import pytest

from tests.fakes.provider_server import (
    Asked,
    ProviderServer,
    StillClock,
    UnlimitedRate,
    account,
    adapter,
    fetch_result,
)
from tests.fakes.wire_documents import JsonObject, example
from watcher.core import json_text
from watcher.core.errors import CredentialsRefused, InvalidAnswer, InvoiceRefused, ProviderUnavailable, RateLimited
from watcher.ports import Failed, Found, Missing, Provider
from watcher.providers.rapyd import KIND, Rapyd, signature

ACCESS_KEY = "rak_TESTACCESSKEY000001"
SECRET_KEY = "rsk_test_secret_do_not_use_0123456789abcdef"
CREDENTIALS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
ID = "invoice_e7a973caf0dd43e73707fe22767c268f"


@pytest.fixture
def rapyd(session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock) -> Provider:
    return adapter(KIND, session, server.url, clock, CREDENTIALS)


def refusal(code: str, message: str = "") -> JsonObject:
    return {"status": {"error_code": code, "status": "ERROR", "message": message, "response_code": code}}


def with_changes(**changes: object) -> JsonObject:
    envelope = example("rapyd")
    return envelope | {"data": cast("JsonObject", envelope["data"]) | changes}


def is_signed(asked: Asked) -> bool:
    """Check a request as the documentation describes it, apart from the code under test."""
    given = asked.headers
    message = asked.method.lower() + asked.path + given["salt"] + given["timestamp"] + given["access_key"] + SECRET_KEY
    digest = hmac.new(SECRET_KEY.encode(), message.encode(), hashlib.sha256).hexdigest()
    return given["signature"] == base64.b64encode(digest.encode()).decode()


@pytest.mark.parametrize(
    ("path", "salt", "timestamp", "expected"),
    [
        (
            f"/v1/invoices/{ID}",
            "saltsalt0001",
            "1763561380",
            "NGNkOWE4MGVmZTdlZDg3NGE1OTZjNTE4YWJkYjljZjQ1MzIzY2UzOWViOGM4M2QxZmYwNjg2ZDBhNjNhZmVkMw==",
        ),
        (
            "/v1/invoices?limit=3",
            "abcDEF123456",
            "1700000000",
            "OTI1ZmQyNzc1M2IwNTE3NDIyNGI3OWQxODJmODQyNzA0YjAyMTY3YWRkNDU4Zjc3MmU0OWJkNzNkMWEzYzhlZA==",
        ),
    ],
)
def test_the_signature_is_the_base64_of_the_hex_digest(path: str, salt: str, timestamp: str, expected: str) -> None:
    made = signature("get", path, salt=salt, timestamp=timestamp, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    assert made == expected
    assert len(made) == 88


async def test_the_published_example_is_read_from_its_envelope_and_kept_alone(
    rapyd: Provider, server: ProviderServer, clock: StillClock
) -> None:
    server.answer(example("rapyd"))
    result = await fetch_result(rapyd, ID)
    assert isinstance(result, Found)
    assert result.document == example("rapyd")["data"] == json_text.read(result.raw)
    assert b'"total":1079.98,' in result.raw
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", f"/v1/invoices/{ID}")
    assert (asked.headers["access_key"], asked.headers["Content-Type"]) == (ACCESS_KEY, "application/json")
    assert asked.headers["timestamp"] == str(int(clock.now().timestamp()))
    assert is_signed(asked)


@pytest.mark.parametrize("invoice_id", ["a/b", "a?b=c#d", "50% {x}", "ü"])
async def test_what_is_signed_is_what_is_sent(
    session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock, invoice_id: str
) -> None:
    rapyd = adapter(KIND, session, f"{server.url}/proxy/", clock, CREDENTIALS)
    server.answer(example("rapyd"))
    await fetch_result(rapyd, invoice_id)
    await rapyd.probe(UnlimitedRate())
    assert server.asked[0].path.startswith("/proxy/v1/invoices/")
    assert server.asked[1].path == "/proxy/v1/invoices?limit=1"
    assert all(is_signed(asked) for asked in server.asked)


async def test_every_request_has_its_own_salt_and_is_signed_after_the_wait(
    session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock
) -> None:
    class SlowRate:
        async def wait(self) -> None:
            clock.advance(timedelta(minutes=2))

    rng = iter((0.1, 0.9))
    rapyd = Rapyd(account(server.url, credentials=CREDENTIALS), session, clock, lambda: next(rng))
    server.answer(example("rapyd"))
    for _ in range(2):
        await rapyd.fetch([ID], SlowRate())
        assert server.asked[-1].headers["timestamp"] == str(int(clock.now().timestamp()))
    first, second = (asked.headers["salt"] for asked in server.asked)
    assert first != second
    assert 8 <= len(first) <= 16
    assert all(is_signed(asked) for asked in server.asked)


@pytest.mark.parametrize("status", [400, 200])
async def test_the_code_for_no_such_invoice_is_a_miss_under_any_status(
    rapyd: Provider, server: ProviderServer, status: int
) -> None:
    server.answer(refusal("ERROR_GET_INVOICE", "not there"), status=status)
    assert await fetch_result(rapyd, ID) == Missing(f"HTTP {status} ERROR_GET_INVOICE: not there")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, refusal("UNAUTHORIZED_API_CALL"), InvoiceRefused),
        (400, refusal("INVALID_FIELDS", "bad id"), InvoiceRefused),
        (200, refusal("ERROR_SOMETHING", "odd"), InvoiceRefused),
        (403, b"<html>blocked</html>", InvoiceRefused),
        (200, {"status": {"status": "SUCCESS"}}, InvalidAnswer),
        (200, {"status": {"status": "SUCCESS"}, "data": []}, InvalidAnswer),
        (200, b'{"status": {"status": "SUCCESS"}, "data": {', InvalidAnswer),
    ],
)
async def test_what_concerns_one_id_fails_that_id(
    rapyd: Provider, server: ProviderServer, status: int, body: object, error: type
) -> None:
    server.answer(body, status=status)
    result = await fetch_result(rapyd, ID)
    assert isinstance(result, Failed)
    assert type(result.error) is error


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "UNAUTHENTICATED_API_CALL"),
        (400, "MISSING_AUTHENTICATION_HEADERS"),
        (200, "UNAUTHENTICATED_API_CALL"),
        (401, "SOMETHING_NEW"),
        (401, ""),
    ],
)
async def test_what_concerns_the_credentials_is_raised_without_them(
    rapyd: Provider, server: ProviderServer, status: int, code: str
) -> None:
    server.answer(refusal(code, f"Invalid signature for {SECRET_KEY}"), status=status)
    with pytest.raises(CredentialsRefused) as caught:
        await fetch_result(rapyd, ID)
    assert SECRET_KEY not in str(caught.value) + repr(caught.value) + repr(rapyd)


@pytest.mark.parametrize(
    ("headers", "wait"), [({}, timedelta(minutes=5)), ({"Retry-After": "7"}, timedelta(seconds=7))]
)
async def test_the_firewalls_429_blocks_for_five_minutes_unless_it_says_otherwise(
    rapyd: Provider, server: ProviderServer, headers: dict[str, str], wait: timedelta
) -> None:
    server.answer(b"<html>Too many requests</html>", status=429, headers={"Content-Type": "text/html", **headers})
    for ask in (rapyd.fetch([ID], UnlimitedRate()), rapyd.probe(UnlimitedRate())):
        with pytest.raises(RateLimited) as caught:
            await ask
        assert caught.value.retry_after == wait


async def test_a_page_instead_of_json_is_an_outage(rapyd: Provider, server: ProviderServer) -> None:
    server.answer(b"<html>maintenance</html>", headers={"Content-Type": "text/html"})
    with pytest.raises(ProviderUnavailable, match="not the API's JSON but text/html"):
        await fetch_result(rapyd, ID)


async def test_the_probe_is_a_list_of_one(rapyd: Provider, server: ProviderServer) -> None:
    success: JsonObject = {"status": {"status": "SUCCESS"}, "data": []}
    server.answer(success, headers={"Date": "Sun, 22 Nov 2026 10:00:00 GMT"})
    assert await rapyd.probe(UnlimitedRate()) == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert server.asked[0].path == "/v1/invoices?limit=1"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "UNAUTHENTICATED_API_CALL", CredentialsRefused),
        (401, "UNAUTHORIZED_API_CALL", CredentialsRefused),
        (400, "MISSING_AUTHENTICATION_HEADERS", CredentialsRefused),
        (400, "INVALID_FIELDS", ProviderUnavailable),
        (200, "ERROR_LIST", ProviderUnavailable),
        (500, "", ProviderUnavailable),
    ],
)
async def test_a_probe_that_fails_says_whether_it_is_the_account(
    rapyd: Provider, server: ProviderServer, status: int, code: str, error: type[Exception]
) -> None:
    server.answer(refusal(code), status=status)
    with pytest.raises(error):
        await rapyd.probe(UnlimitedRate())


async def test_only_what_is_volatile_leaves_the_fingerprint_alone(rapyd: Provider, server: ProviderServer) -> None:
    lines = cast("list[object]", cast("JsonObject", example("rapyd")["data"])["lines"])
    paying = {"id": "payment_1", "status": "ACT", "paid": False}
    server.answer(with_changes(payment=paying))
    server.answer(
        with_changes(payment=paying | {"redirect_url": "https://x", "ewallets": [1]}, lines=lines[::-1])
        | {"status": {"status": "SUCCESS", "operation_id": "another"}}
    )
    server.answer(with_changes(payment=paying | {"status": "CLO", "paid": True}))
    prints: list[bytes] = []
    for _ in range(3):
        result = await fetch_result(rapyd, ID)
        assert isinstance(result, Found)
        prints.append(result.fingerprint)
    assert prints[0] == prints[1] != prints[2]


async def test_links_that_pay_are_not_kept(rapyd: Provider, server: ProviderServer) -> None:
    server.answer(
        with_changes(payment={"redirect_url": "https://pay.example/1", "complete_payment_url": "pay.example"})
    )
    result = await fetch_result(rapyd, ID)
    assert isinstance(result, Found)
    assert b"pay.example" not in result.raw
