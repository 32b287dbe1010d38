"""An answer about another invoice than the one asked for is refused, whatever it says."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.contract.providers.test_lists import adapter as sandbox_adapter
from tests.contract.providers.test_lists import bill
from tests.fakes.adapter_files import SANDBOXED
from tests.fakes.caches import mixing_cache
from tests.fakes.provider_server import ProviderServer, StillClock, adapter, fetch_result
from tests.fakes.wire_documents import example
from watcher.core.errors import InvalidAnswer
from watcher.ports import Failed, Found
from watcher.providers import PROVIDERS, meteroid
from watcher.sandbox import Sandbox

EACH = pytest.mark.parametrize("name", SANDBOXED)
UUID = "018f2f6e-3b1a-7c55-9d3e-0123456789ab"
BASE_62 = "inv_77QuLCzUtHUhkHfF1a7crM"


@pytest.fixture
async def sandbox(clock: StillClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock) as running:
        yield running


@EACH
async def test_an_answer_about_another_invoice_is_refused_and_names_both(
    sandbox: Sandbox, session: aiohttp.ClientSession, clock: StillClock, name: str
) -> None:
    paid, due = bill(sandbox.ledger, name, 1), bill(sandbox.ledger, name, 2)
    sandbox.ledger.pay(paid)
    async with mixing_cache(sandbox.base_urls[name], clock) as base_url:
        provider = sandbox_adapter(name, sandbox, session, base_url=base_url)
        first = await fetch_result(provider, paid.id)
        mixed = await fetch_result(provider, due.id)
    assert isinstance(first, Found)
    assert isinstance(mixed, Failed)
    assert isinstance(mixed.error, InvalidAnswer)
    assert f"about invoice {paid.id}, not about invoice {due.id}" in str(mixed.error)


async def test_an_id_may_come_back_as_a_number(
    server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock
) -> None:
    server.answer({"access_token": "token", "expires_in": 60})
    server.answer(example("dollr") | {"id": 1003})
    dollr = adapter(PROVIDERS["dollr"], session, server.url, clock, {"client_id": "a", "client_secret": "b"})
    assert isinstance(await fetch_result(dollr, "1003"), Found)


async def test_an_id_may_come_back_in_the_providers_other_spelling(
    server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock
) -> None:
    server.answer(example("meteroid") | {"id": BASE_62})
    provider = adapter(PROVIDERS["meteroid"], session, server.url, clock, {"api_key": "a"})
    assert isinstance(await fetch_result(provider, UUID), Found)


@pytest.mark.parametrize("given", [None, True, {}, "inv_2"])
async def test_an_answer_that_names_no_invoice_or_another_is_refused(
    server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock, given: object
) -> None:
    server.answer(example("meteroid") | {"id": given})
    provider = adapter(PROVIDERS["meteroid"], session, server.url, clock, {"api_key": "a"})
    assert isinstance(await fetch_result(provider, "inv_1"), Failed)


def test_a_meteroid_id_is_the_same_as_its_uuid_and_as_no_other() -> None:
    assert meteroid.canonical_id(UUID) == meteroid.canonical_id(UUID.upper()) == meteroid.canonical_id(BASE_62)
    assert meteroid.canonical_id(BASE_62) != meteroid.canonical_id(BASE_62.swapcase())
    assert meteroid.canonical_id("inv_-") == "inv_-"
    assert meteroid.canonical_id("inv_" + 22 * "z") == "inv_" + 22 * "z"
