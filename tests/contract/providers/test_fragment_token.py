"""Fragment's access token: renewed before its end, once after a refusal, and never shown."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from tests.fakes.provider_server import ProviderServer, StillClock, UnlimitedRate
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, RateLimited, WatcherError
from watcher.ports import Missing, Provider
from watcher.providers import fragment
from watcher.providers.toolkit.kind import Account

_SECRET = "s3cret:of/the+client"


@pytest.fixture
def provider(server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock) -> Provider:
    account = Account(
        name="acme",
        base_url=f"{server.url}/billing",
        timezone=ZoneInfo("UTC"),
        timeout=timedelta(seconds=5),
        credentials={"client_id": "client", "client_secret": _SECRET},
        options={"token_url": f"{server.url}/oauth2/token"},
    )
    return fragment.KIND.build(account, session, clock, lambda: 0.5)


def grant(server: ProviderServer, token: str, **more: object) -> None:
    server.answer({"access_token": token, "token_type": "Bearer", "expires_in": 3600} | more)


def paths(server: ProviderServer) -> list[str]:
    return [asked.path for asked in server.asked]


async def test_one_token_serves_many_requests(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server, "token-1")
    server.answer(status=404)
    for _ in range(3):
        await provider.fetch(["inv_1"], limiter)
    assert paths(server).count("/oauth2/token") == 1


@pytest.mark.parametrize(("given", "lives"), [({}, 3600), ({"expires_in": 900}, 900), ({"expires_in": None}, 3600)])
async def test_the_token_is_renewed_before_it_ends(
    *,
    given: dict[str, object],
    lives: int,
    server: ProviderServer,
    provider: Provider,
    limiter: UnlimitedRate,
    clock: StillClock,
) -> None:
    grant(server, "token-1", **given)
    server.answer(status=404)
    await provider.fetch(["inv_1"], limiter)
    clock.advance(timedelta(seconds=lives - 301))
    await provider.renew_token(limiter)
    assert paths(server).count("/oauth2/token") == 1
    clock.advance(timedelta(seconds=2))
    server.answers.clear()
    grant(server, "token-2")
    await provider.renew_token(limiter)
    server.answers.clear()
    server.answer(status=404)
    await provider.fetch(["inv_1"], limiter)
    assert paths(server).count("/oauth2/token") == 2
    assert server.asked[-1].headers["Authorization"] == "Bearer token-2"


async def test_a_refused_token_is_replaced_once_and_the_request_made_again(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server, "token-1")
    server.answer(status=401)
    grant(server, "token-2")
    server.answer(status=404)
    fetched = await provider.fetch(["inv_1"], limiter)
    assert isinstance(fetched.results["inv_1"], Missing)
    assert [asked.headers["Authorization"] for asked in server.asked[1::2]] == ["Bearer token-1", "Bearer token-2"]
    assert limiter.asked == len(server.asked) == 4


@pytest.mark.parametrize("ids", [["inv_1"], ["inv_1", "inv_2"]])
async def test_a_second_refusal_is_about_the_credentials(
    ids: list[str], server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server, "token-1")
    server.answer(status=401)
    grant(server, "token-2")
    server.answer(status=401)
    with pytest.raises(CredentialsRefused):
        await provider.fetch(ids, limiter)
    assert len(server.asked) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refused_token_call_is_about_the_credentials_and_nothing_else_is_sent(
    status: int, server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    server.answer({"error": "invalid_client", "echo": _SECRET}, status=status)
    for call in (provider.fetch(["inv_1"], limiter), provider.probe(limiter), provider.renew_token(limiter)):
        with pytest.raises(CredentialsRefused) as caught:
            await call
        assert _SECRET not in str(caught.value)
    assert set(paths(server)) == {"/oauth2/token"}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, {}, RateLimited),
        (503, {}, ProviderUnavailable),
        (200, {}, ProviderUnavailable),
        (200, {"access_token": ""}, ProviderUnavailable),
        (200, {"access_token": {"secret": _SECRET}}, ProviderUnavailable),
        (200, b"not json", ProviderUnavailable),
        (200, [], ProviderUnavailable),
    ],
)
async def test_a_token_call_that_goes_wrong_otherwise_is_an_outage(
    *,
    status: int,
    body: object,
    error: type[WatcherError],
    server: ProviderServer,
    provider: Provider,
    limiter: UnlimitedRate,
) -> None:
    server.answer(body, status=status)
    with pytest.raises(error) as caught:
        await provider.fetch(["inv_1"], limiter)
    assert _SECRET not in str(caught.value)


async def test_the_control_call_is_a_search_for_one_invoice(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server, "token-1")
    server.answer({"data": {"invoices": []}}, headers={"Date": "Sun, 22 Nov 2026 10:00:01 GMT"})
    at = await provider.probe(limiter)
    assert at is not None
    assert at.second == 1
    assert (server.asked[1].method, server.asked[1].path) == ("POST", "/billing/invoices/search")
    assert server.asked[1].body == b'{"filter":{},"page_info":{"limit":1}}'


async def test_a_server_older_than_the_search_is_asked_for_its_list(
    server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server, "token-1")
    server.answer(status=404)
    server.answer({"data": []})
    await provider.probe(limiter)
    assert (server.asked[2].method, server.asked[2].path) == ("GET", "/billing/invoices")


@pytest.mark.parametrize(("status", "error"), [(403, CredentialsRefused), (404, ProviderUnavailable)])
async def test_a_refused_control_call_is_raised(
    status: int, error: type[WatcherError], server: ProviderServer, provider: Provider, limiter: UnlimitedRate
) -> None:
    grant(server, "token-1")
    server.answer(status=status)
    with pytest.raises(error):
        await provider.probe(limiter)
