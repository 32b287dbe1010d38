import asyncio
import socket
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.provider_server import ProviderServer, StillClock, UnlimitedRate, account
from watcher.core.errors import (
    CredentialsRefused,
    InvalidAnswer,
    InvoiceRefused,
    ProviderUnavailable,
    RateLimited,
    SlotMissed,
    Unreachable,
)
from watcher.providers.toolkit.http import Answer, ProviderHttp, quote_id, raise_if_unavailable, read_object
from watcher.providers.toolkit.http_body import MAX_RETRY_AFTER


def answer(body: bytes, content_type: str = "application/json", status: int = 200) -> Answer:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Answer(status, {"content-type": content_type}, body, now, now)


async def test_an_answer_carries_its_status_headers_body_and_instants(
    http: ProviderHttp, server: ProviderServer, clock: StillClock, limiter: UnlimitedRate
) -> None:
    server.answer({"a": 1}, status=404, headers={"Date": "Sun, 22 Nov 2026 09:59:58 GMT", "X-Request-Id": "r1"})
    got = await http.request(limiter, "GET", "/v1/x?y=%2F")
    assert (got.status, got.body, got.headers["x-request-id"]) == (404, b'{"a": 1}', "r1")
    assert got.server_date == datetime(2026, 11, 22, 9, 59, 58, tzinfo=UTC)
    assert got.asked_at == got.answered_at == clock.now()
    assert server.asked[0].path == "/v1/x?y=%2F"
    assert server.asked[0].headers["User-Agent"].startswith("invoice-watcher/")
    assert "Cookie" not in server.asked[0].headers
    assert limiter.asked == 1


@pytest.mark.parametrize("prefix", ["/billing", "/billing/"])
async def test_a_path_prefix_of_the_base_url_is_kept_without_a_double_slash(
    session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock, limiter: UnlimitedRate, prefix: str
) -> None:
    server.answer({})
    http = ProviderHttp(session, account(server.url + prefix), clock)
    await http.request(limiter, "GET", "/invoices/1?limit=3")
    assert server.asked[0].path == "/billing/invoices/1?limit=3" == http.path("/invoices/1?limit=3")


async def test_an_absolute_url_overrides_the_base_url(
    session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock, limiter: UnlimitedRate
) -> None:
    server.answer({})
    http = ProviderHttp(session, account("https://provider.invalid"), clock)
    await http.request(limiter, "POST", "", url=f"{server.url}/oauth2/token", body=b"grant_type=client_credentials")
    assert (server.asked[0].method, server.asked[0].path) == ("POST", "/oauth2/token")
    assert server.asked[0].body == b"grant_type=client_credentials"


@pytest.mark.parametrize(
    ("invoice_id", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("50%", "50%25"),
        ("%2e%2e", "%252e%252e"),
        ("a b{c}", "a%20b%7Bc%7D"),
        ("..a", "..a"),
        ("ü;=@:&+", "%C3%BC%3B%3D%40%3A%26%2B"),
    ],
)
async def test_an_id_arrives_as_one_exactly_encoded_segment(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate, invoice_id: str, segment: str
) -> None:
    server.answer({})
    await http.request(limiter, "GET", f"/invoices/{quote_id(invoice_id)}")
    assert server.asked[0].path == f"/invoices/{segment}"


@pytest.mark.parametrize("invoice_id", ["", ".", "..", "\ud800"])
def test_an_id_that_no_segment_can_carry_is_refused(invoice_id: str) -> None:
    with pytest.raises(InvoiceRefused):
        quote_id(invoice_id)


async def test_headers_that_age_are_made_after_the_wait(
    http: ProviderHttp, server: ProviderServer, clock: StillClock
) -> None:
    class SlowRate:
        async def wait(self) -> None:
            clock.advance(timedelta(minutes=2))

    server.answer({})
    got = await http.request(SlowRate(), "GET", "/", headers=lambda: {"X-Signed-At": clock.now().isoformat()})
    assert server.asked[0].headers["X-Signed-At"] == clock.now().isoformat() == got.asked_at.isoformat()


async def test_a_missed_slot_sends_nothing(http: ProviderHttp, server: ProviderServer) -> None:
    class LateRate:
        async def wait(self) -> None:
            raise SlotMissed("too late")

    with pytest.raises(SlotMissed):
        await http.request(LateRate(), "GET", "/")
    assert server.asked == []


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
async def test_a_redirect_is_never_followed_and_named(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate, status: int
) -> None:
    server.answer(b"", status=status, headers={"Location": f"{server.url}/elsewhere"})
    with pytest.raises(ProviderUnavailable, match="redirect"):
        await http.request(limiter, "GET", "/")
    assert len(server.asked) == 1


async def test_a_dripping_body_ends_at_the_timeout(
    session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock, limiter: UnlimitedRate
) -> None:
    gone = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await gone.wait()
        return response

    server.answer_by(drip)
    http = ProviderHttp(session, account(server.url, timeout=timedelta(milliseconds=80)), clock)
    with pytest.raises(ProviderUnavailable, match="within the timeout"):
        await http.request(limiter, "GET", "/")
    gone.set()


async def test_a_dropped_connection_is_tried_once_more_and_paced(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate
) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    server.answer_by(drop)
    server.answer({"fine": True})
    assert (await http.request(limiter, "GET", "/")).body == b'{"fine": true}'
    assert limiter.asked == len(server.asked) == 2


@pytest.mark.parametrize(("method", "tries"), [("GET", 2), ("POST", 1)])
async def test_a_server_that_always_drops_is_an_outage(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate, method: str, tries: int
) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    server.answer_by(drop)
    with pytest.raises(ProviderUnavailable, match="closed"):
        await http.request(limiter, method, "/")
    assert limiter.asked == len(server.asked) == tries


@pytest.mark.parametrize(
    ("base_url", "why"),
    [
        ("http://127.0.0.1:1", "cannot connect"),
        ("http://8.8.8.8", "plain http is for loopback"),
        ("http://169.254.169.254", "plain http is for loopback"),
        ("http://[2001:db8::1]", "plain http is for loopback"),
        ("http://[::ffff:8.8.8.8]", "plain http is for loopback"),
        ("https://no-such-host.invalid", "cannot connect"),
    ],
)
async def test_what_cannot_or_must_not_be_connected_is_an_outage_that_says_why(
    session: aiohttp.ClientSession, clock: StillClock, limiter: UnlimitedRate, base_url: str, why: str
) -> None:
    http = ProviderHttp(session, account(base_url), clock)
    with pytest.raises(ProviderUnavailable, match=why) as raised:
        await http.request(limiter, "GET", "/")
    assert isinstance(raised.value, Unreachable) is (why == "cannot connect"), "the network may be to blame for that"


async def test_silence_instead_of_a_connection_is_distinguished_from_a_slow_server(
    session: aiohttp.ClientSession, clock: StillClock, limiter: UnlimitedRate
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        place = full.getsockname()[:2]
        with socket.create_connection(place):
            url = f"http://{place[0]}:{place[1]}"
            http = ProviderHttp(session, account(url, timeout=timedelta(seconds=0.5)), clock)
            with pytest.raises(Unreachable, match="no connection within the timeout"):
                await http.request(limiter, "GET", "/")


async def test_something_that_speaks_no_tls_is_an_outage(
    session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock, limiter: UnlimitedRate
) -> None:
    http = ProviderHttp(session, account(server.url.replace("http:", "https:")), clock)
    with pytest.raises(ProviderUnavailable, match="TLS failed"):
        await http.request(limiter, "GET", "/")


async def test_an_answer_that_is_not_http_is_an_outage_that_shows_no_header(
    session: aiohttp.ClientSession, clock: StillClock, limiter: UnlimitedRate
) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as listener:
        host, port = listener.sockets[0].getsockname()
        http = ProviderHttp(session, account(f"http://{host}:{port}"), clock)
        with pytest.raises(ProviderUnavailable, match="not HTTP") as caught:
            await http.request(limiter, "GET", "/", headers={"Authorization": "Bearer top-secret"})
    assert "top-secret" not in repr(caught.value) + repr(caught.value.__cause__)


async def test_a_credential_that_no_header_can_carry_is_refused_without_being_shown(
    http: ProviderHttp, server: ProviderServer, limiter: UnlimitedRate
) -> None:
    server.answer({})
    with pytest.raises(CredentialsRefused) as caught:
        await http.request(limiter, "GET", "/", headers={"Authorization": "Bearer top\nsecret"})
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, timedelta(seconds=120)),
        ({"Retry-After": "1.5"}, timedelta(seconds=1.5)),
        ({"Retry-After": "999999999"}, MAX_RETRY_AFTER),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        (
            {"Retry-After": "Sun, 22 Nov 2026 10:01:00 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"},
            timedelta(minutes=1),
        ),
        ({"Retry-After": "Sun, 22 Nov 2026 09:00:00 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, timedelta()),
        ({"Retry-After": "7", "retry-after-ms": "250"}, timedelta(milliseconds=250)),
        ({}, None),
    ],
)
async def test_the_request_to_back_off_is_read_and_cut(
    http: ProviderHttp,
    server: ProviderServer,
    limiter: UnlimitedRate,
    headers: dict[str, str],
    wait: timedelta | None,
) -> None:
    server.answer({}, status=429, headers=headers)
    got = await http.request(limiter, "GET", "/")
    assert got.retry_after == wait
    with pytest.raises(RateLimited) as caught:
        raise_if_unavailable(got, default_wait=timedelta(minutes=5))
    assert caught.value.retry_after == (timedelta(minutes=5) if wait is None else wait)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
def test_outages_are_known_by_their_status(status: int) -> None:
    with pytest.raises(ProviderUnavailable):
        raise_if_unavailable(answer(b"", status=status))


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422])
def test_other_statuses_are_left_to_the_adapter(status: int) -> None:
    assert raise_if_unavailable(answer(b"", status=status)) is None


def test_a_page_where_json_was_due_is_an_outage_that_names_it() -> None:
    with pytest.raises(ProviderUnavailable, match="not the API's JSON but text/html"):
        read_object(answer(b"<html>Please log in</html>", "text/html; charset=utf-8"))


@pytest.mark.parametrize(
    "body", [b'{"a": NaN}', b'{"a": 1, "a": 2}', b'{"a": 1', b"[]", b"", b"\xff\xfe", b'{"a":' + b"[" * 100_000]
)
def test_broken_or_ambiguous_json_is_an_invalid_answer(body: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        read_object(answer(body))
