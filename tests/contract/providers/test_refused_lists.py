"""List answers that are no lists: what they say about the account, and that no invoice suffers from them."""

import aiohttp
import pytest

from tests.fakes.adapter_files import EVERY, kind_named
from tests.fakes.provider_server import ProviderServer, StillClock, UnlimitedRate, account
from watcher.core.errors import CredentialsRefused, ListRefused, ProviderUnavailable, RateLimited, WatcherError
from watcher.ports import Provider
from watcher.providers.toolkit.kind import Account

TOKEN = {"access_token": "abc", "expires_in": 3600}
EACH = pytest.mark.parametrize("name", EVERY)


def adapter(name: str, server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock) -> Provider:
    kind = kind_named(name)
    plain = account(server.url, credentials=dict.fromkeys(kind.credentials, "key"))
    made = Account(
        plain.name, plain.base_url, plain.timezone, plain.timeout, plain.credentials, {"token_url": server.url}
    )
    if name in {"fragment", "dollr"}:
        server.answer(TOKEN)
    return kind.build(made, session, clock, lambda: 0.5)


@EACH
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"message": "no such route"}, ListRefused),
        (422, {"detail": [{"loc": ["query"], "msg": "no"}]}, ListRefused),
        (200, {"data": 7, "response": False, "status": {"status": "SUCCESS"}}, ListRefused),
        (200, b"[{", ListRefused),
        (200, b'{"data": [{}', ListRefused),
        (503, {"message": "later"}, ProviderUnavailable),
        (429, {"message": "slower"}, RateLimited),
    ],
)
async def test_an_answer_that_is_no_list_is_distinguished_from_an_outage(
    name: str,
    server: ProviderServer,
    session: aiohttp.ClientSession,
    clock: StillClock,
    *,
    status: int,
    body: object,
    error: type[WatcherError],
) -> None:
    provider = adapter(name, server, session, clock)
    server.answer(body, status=status)
    with pytest.raises(error):
        await provider.list_page(None, UnlimitedRate())


@EACH
async def test_refused_credentials_are_no_refused_list(
    name: str, server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock
) -> None:
    provider = adapter(name, server, session, clock)
    refusal = {"status": {"status": "ERROR", "error_code": "UNAUTHENTICATED_API_CALL"}, "detail": "no"}
    server.answer(refusal, status=401)
    if name in {"fragment", "dollr"}:
        server.answer(TOKEN)
        server.answer(refusal, status=401)
    with pytest.raises(CredentialsRefused):
        await provider.list_page(None, UnlimitedRate())


@EACH
async def test_rows_without_a_usable_id_are_passed_over(
    name: str, server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock
) -> None:
    provider = adapter(name, server, session, clock)
    ids: list[object] = [None, True, "", "..", "a\x00", "\ud800", "x" * 201]
    odd: list[object] = [7, None, {}, *({"id": one, "invoice_id": one, "lago_id": one} for one in ids)]
    answers: dict[str, object] = {
        "dollr": odd,
        "fragment": {"data": {"invoices": odd}},
        "chargeover": {"code": 200, "response": odd},
        "chargebee": {"list": [*odd, *({"invoice": row} for row in odd)]},
        "lago": {"invoices": odd},
    }
    server.answer(answers.get(name, {"data": odd}))
    page = await provider.list_page(None, UnlimitedRate())
    assert page.rows == ()
