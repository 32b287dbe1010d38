"""What an account by adapter file sends, and how it tells answers apart, over real HTTP on loopback."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.providers.adapter_file.conftest import BEARER, BILL, Make, Specify
from tests.fakes.provider_server import ProviderServer, UnlimitedRate, fetch_result
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, RateLimited
from watcher.ports import Failed, Found, Missing, Same
from watcher.providers.adapter_file.provider import kind_of


async def test_an_id_is_one_segment_and_the_document_is_taken_from_its_envelope(
    make: Make, server: ProviderServer
) -> None:
    server.answer({"bill": BILL, "meta": {}})
    result = await fetch_result(make(invoice='query = { expand = ["a&b", "c"] }'), "b 1/2")
    assert isinstance(result, Found)
    assert result.document == BILL
    assert json.loads(result.raw) == BILL
    assert server.asked[0].path == "/v2/bills/b%201%2F2?expand=a%26b&expand=c"


@pytest.mark.parametrize("odd", ["..", ".", "", "\ud800"])
async def test_an_id_that_would_leave_the_path_is_never_asked_for(make: Make, server: ProviderServer, odd: str) -> None:
    assert isinstance(await fetch_result(make(), odd), Failed)
    assert server.asked == []


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ('type = "none"', "Authorization", None),
        (BEARER, "Authorization", "Bearer key-1"),
        ('type = "basic"\nuser = "user"', "Authorization", "Basic " + base64.b64encode(b"key-1:").decode()),
        (
            'type = "basic"\nuser = "user"\npassword = "word"',
            "Authorization",
            "Basic " + base64.b64encode(b"key-1:key-1").decode(),
        ),
        ('type = "header"\nheader = "X-Api-Key"\ntoken = "api_key"', "X-Api-Key", "key-1"),
    ],
)
async def test_each_kind_of_authentication_is_sent(
    make: Make, server: ProviderServer, auth: str, header: str, value: str | None
) -> None:
    server.answer({"bill": BILL})
    await fetch_result(make(auth=auth), "b 1/2")
    assert server.asked[0].headers.get(header) == value


OAUTH = 'type = "oauth2"\ntoken_url = "/oauth/token"\nclient_id = "id"\nclient_secret = "secret"\n'


@pytest.mark.parametrize(
    ("send", "body", "authorization"),
    [
        ('send = "basic"\nscope = "read"', b"grant_type=client_credentials&scope=read", "Basic aTpzJg=="),
        ('send = "form"', b"grant_type=client_credentials&client_id=i&client_secret=s%26", None),
        ('send = "json"', b'{"client_id":"i","client_secret":"s&"}', None),
    ],
)
async def test_a_token_is_fetched_once_and_replaced_where_it_is_refused(
    make: Make, server: ProviderServer, send: str, body: bytes, authorization: str | None
) -> None:
    provider = make(auth=OAUTH + send, credentials={"id": "i", "secret": "s&"})
    server.answer({"access_token": "one", "expires_in": 600})
    server.answer({"bill": BILL})
    server.answer({}, status=401)
    server.answer({"access_token": "two", "expires_in": 600})
    server.answer({"bill": BILL})
    for _ in range(2):
        assert isinstance(await fetch_result(provider, "b 1/2"), Found)
    sent = [(one.method, one.path, one.headers.get("Authorization")) for one in server.asked]
    token = ("POST", "/v2/oauth/token", authorization)
    bill = "/v2/bills/b%201%2F2"
    assert sent == [
        token,
        ("GET", bill, "Bearer one"),
        ("GET", bill, "Bearer one"),
        token,
        ("GET", bill, "Bearer two"),
    ]
    assert server.asked[0].body == body


async def test_a_token_url_elsewhere_is_a_key_of_the_source(make: Make, server: ProviderServer) -> None:
    auth = OAUTH.replace('"/oauth/token"', '"https://auth.example/token"')
    server.answer({"access_token": "one", "expires_in": 600})
    server.answer({"bill": BILL})
    provider = make(auth=auth, options={"token_url": f"{server.url}/elsewhere"})
    assert isinstance(await fetch_result(provider, "b 1/2"), Found)
    assert server.asked[0].path == "/elsewhere"


RULES = """
[[answers]]
status = [404]
where = "code != 'no_bill'"
means = "refused"
[[answers]]
status = [200]
where = "error == 'slow down'"
means = "back_off"
[[answers]]
status = [400]
where = "code == 'maintenance'"
means = "outage"
[refusal]
code = "code"
message = "text"
"""


async def test_rules_come_before_what_a_status_means(make: Make, server: ProviderServer) -> None:
    provider = make(more=RULES, http='back_off = "7s"')
    server.answer({"code": "no_bill", "text": "none of ada@example.com"}, status=404)
    server.answer({"code": "no_route"}, status=404)
    server.answer(text="<html>", status=404)
    server.answer({"code": "x"}, status=403)
    assert await fetch_result(provider, "1") == Missing("HTTP 404 no_bill: none of ***")
    for _ in range(3):
        assert isinstance(await fetch_result(provider, "1"), Failed)
    server.answers.clear()
    for body, status, error in (
        ({"error": "slow down"}, 200, RateLimited),
        ({"code": "maintenance"}, 400, ProviderUnavailable),
        ({}, 429, RateLimited),
        ({}, 503, ProviderUnavailable),
        ({}, 401, CredentialsRefused),
    ):
        server.answers.clear()
        server.answer(body, status=status)
        with pytest.raises(error) as caught:
            await fetch_result(provider, "1")
        if isinstance(caught.value, RateLimited):
            assert caught.value.retry_after == timedelta(seconds=7)


async def test_an_unchanged_text_is_not_read_again_and_volatile_fields_are_no_change(
    make: Make, server: ProviderServer
) -> None:
    provider = make(invoice='differs = "request"\nvolatile = ["seen", "lines.price.at"]\nunordered = ["lines"]')
    one, two = ({"id": n, "price": {"at": n, "cents": 1}} for n in (1, 2))
    base = BILL | {"lines": [one, two]}
    server.answer({"request": "r-1", "bill": base})
    server.answer({"request": "r-2", "bill": base})
    server.answer(
        {"request": "r-3", "bill": base | {"seen": 5, "lines": [two, one | {"price": {"at": 9, "cents": 1}}]}}
    )
    server.answer({"request": "r-4", "bill": base | {"lines": [two, one | {"price": {"at": 1, "cents": 2}}]}})
    first = await fetch_result(provider, "b 1/2")
    assert isinstance(first, Found)
    known = {"b 1/2": first.text}
    assert (await provider.fetch(["b 1/2"], UnlimitedRate(), known)).results == {"b 1/2": Same()}
    same, other = [(await provider.fetch(["b 1/2"], UnlimitedRate(), known)).results["b 1/2"] for _ in range(2)]
    assert isinstance(same, Found)
    assert isinstance(other, Found)
    assert first.fingerprint == same.fingerprint != other.fingerprint


async def test_options_and_credentials_are_sent_where_the_file_says(make: Make, server: ProviderServer) -> None:
    headers = 'headers = { "X-Team" = { option = "team" }, "X-Key" = { credential = "second" } }'
    server.answer({"bill": BILL})
    provider = make(http=headers, invoice='query = { team = { option = "team" }, all = "" }', options={"team": "a b"})
    await fetch_result(provider, "b 1/2")
    (asked,) = server.asked
    assert (asked.headers["X-Team"], asked.headers["X-Key"]) == ("a b", "key-1")
    assert asked.path.endswith("?team=a%20b&all=")
    await fetch_result(make(invoice='query = { team = { option = "team" } }'), "b 1/2")
    assert "?" not in server.asked[-1].path, "an empty option is no parameter"


async def test_a_probe_needs_credentials_and_no_invoice(make: Make, server: ProviderServer) -> None:
    server.answer({}, headers={"Date": "Sun, 22 Nov 2026 10:00:00 GMT"})
    server.answer({}, status=401)
    provider = make()
    assert await provider.probe(UnlimitedRate()) == datetime(2026, 11, 22, 10, tzinfo=UTC)
    with pytest.raises(CredentialsRefused):
        await provider.probe(UnlimitedRate())


def test_kinds_of_the_same_text_are_equal_and_of_another_are_not(specify: Specify) -> None:
    hints = '[hints]\ntype = "standard_webhooks"\nids = "id"\n'
    kinds = [
        kind_of(specify(more=more)) for more in (hints, f"# a comment\n{hints}", hints.replace('"id"', '"invoice"'))
    ]
    assert kinds[0] == kinds[1] != kinds[2]
