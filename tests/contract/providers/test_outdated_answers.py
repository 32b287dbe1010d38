"""What each provider's answers say about their own age."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from tests.contract.providers.test_lists import adapter, bill
from tests.contract.providers.test_mixed_answers import EACH
from tests.fakes.adapter_files import DOLLR, METEROID
from tests.fakes.caches import stale_cache
from tests.fakes.provider_server import StillClock, UnlimitedRate
from tests.fakes.wire_documents import JsonObject, example
from watcher.core.invoices.invoice import Invoice, Status
from watcher.ports import Found, Provider
from watcher.providers import chargeover, fragment, meteroid
from watcher.sandbox import Sandbox

CHICAGO = ZoneInfo("America/Chicago")
HOUR = timedelta(hours=1)


@pytest.fixture
async def sandbox(clock: StillClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock) as running:
        yield running


async def invoice_at(provider: Provider, invoice_id: str) -> Invoice:
    result = (await provider.fetch([invoice_id], UnlimitedRate())).results[invoice_id]
    assert isinstance(result, Found)
    return provider.to_invoice(result.document, None)


@EACH
async def test_an_answer_from_a_cache_counts_from_when_it_was_made(
    sandbox: Sandbox, session: aiohttp.ClientSession, clock: StillClock, name: str
) -> None:
    one = bill(sandbox.ledger, name, 1)
    async with stale_cache(sandbox.base_urls[name], clock) as base_url:
        provider = adapter(name, sandbox, session, base_url=base_url)
        first = await provider.fetch([one.id], UnlimitedRate())
        clock.advance(HOUR)
        kept = await provider.fetch([one.id], UnlimitedRate())
    assert (first.is_cached, kept.is_cached) == (False, True)
    assert kept.asked_at == first.asked_at
    assert kept.answered_at == first.answered_at + HOUR


@pytest.mark.parametrize("name", ["chargebee", "chargeover", "dollr", DOLLR, "meteroid", METEROID])
async def test_a_payment_moves_the_revision(
    sandbox: Sandbox, session: aiohttp.ClientSession, clock: StillClock, name: str
) -> None:
    one, provider = bill(sandbox.ledger, name, 1), adapter(name, sandbox, session)
    before = await invoice_at(provider, one.id)
    clock.advance(HOUR)
    sandbox.ledger.pay(one)
    after = await invoice_at(provider, one.id)
    assert (before.status, after.status) == (Status.OPEN, Status.PAID)
    assert before.revision is not None
    assert after.revision is not None
    assert after.revision > before.revision


@pytest.mark.parametrize("name", ["lago", "rapyd", "stripe"])
async def test_some_say_nothing_about_the_age_of_an_answer(
    sandbox: Sandbox, session: aiohttp.ClientSession, name: str
) -> None:
    one = bill(sandbox.ledger, name, 1)
    assert (await invoice_at(adapter(name, sandbox, session), one.id)).revision is None


def test_fragment_counts_versions() -> None:
    document = cast("JsonObject", example("fragment_g3")["data"])
    assert fragment.to_invoice(document | {"version": 12}, None).revision == 12
    assert fragment.to_invoice(document | {"version": None}, None).revision is None


def test_a_meteroid_payment_counts_though_it_leaves_the_documents_own_time() -> None:
    payment = {"id": "1", "status": "SETTLED", "amount": 100, "processed_at": "2026-11-20T10:00:00.000001Z"}
    document = example("meteroid") | {"updated_at": "2026-11-01T00:00:00Z", "transactions": list[JsonObject]()}
    paid = meteroid.to_invoice(document | {"transactions": [payment]}).revision
    unpaid = meteroid.to_invoice(document).revision
    assert paid == 1_795_168_800_000_001
    assert unpaid is not None
    assert unpaid < paid


def test_a_local_time_that_comes_twice_is_no_revision() -> None:
    document = cast("JsonObject", example("chargeover")["response"])

    def revision(text: str) -> int | None:
        return chargeover.to_invoice(document | {"mod_datetime": text}, CHICAGO).revision

    assert revision("2026-11-01 01:59:59") is None
    assert revision("2026-11-01T01:30:00-06:00") is not None
    before, after = revision("2026-11-01 00:59:59"), revision("2026-11-01 02:00:00")
    assert before is not None
    assert after == before + 1_000_000 + 2 * 3_600_000_000
