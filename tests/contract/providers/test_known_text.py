"""An answer in the words that are known is not read again; one in other words always is."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.contract.providers.test_lists import adapter, bill
from tests.fakes.adapter_files import METEROID, SANDBOXED
from tests.fakes.provider_server import StillClock, UnlimitedRate
from watcher.ports import Found, Missing, Same
from watcher.sandbox import Sandbox

EACH = pytest.mark.parametrize("name", SANDBOXED)


@pytest.fixture
async def sandbox(clock: StillClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock) as running:
        yield running


@EACH
async def test_the_known_text_is_the_same_until_the_invoice_changes(
    sandbox: Sandbox, session: aiohttp.ClientSession, name: str
) -> None:
    provider, made = adapter(name, sandbox, session), bill(sandbox.ledger, name, 1)
    first = (await provider.fetch([made.id], UnlimitedRate())).results[made.id]
    assert isinstance(first, Found)
    assert len(first.text) == 16
    known = {made.id: first.text}
    again = await provider.fetch([made.id], UnlimitedRate(), known)
    assert again.results == {made.id: Same()}
    sandbox.ledger.pay(made)
    paid = (await provider.fetch([made.id], UnlimitedRate(), known)).results[made.id]
    assert isinstance(paid, Found)
    assert paid.text != first.text


@EACH
async def test_an_invoice_that_is_gone_is_missed_whatever_was_known(
    sandbox: Sandbox, session: aiohttp.ClientSession, name: str
) -> None:
    provider, made = adapter(name, sandbox, session), bill(sandbox.ledger, name, 1)
    first = (await provider.fetch([made.id], UnlimitedRate())).results[made.id]
    assert isinstance(first, Found)
    sandbox.ledger.delete(made)
    gone = await provider.fetch([made.id], UnlimitedRate(), {made.id: first.text})
    assert isinstance(gone.results[made.id], Missing)


@pytest.mark.parametrize("name", ["fragment", "meteroid", METEROID])
async def test_rows_have_a_text_of_their_own_that_stays_while_nothing_changes(
    sandbox: Sandbox, session: aiohttp.ClientSession, name: str
) -> None:
    provider = adapter(name, sandbox, session)
    bills = [bill(sandbox.ledger, name, number) for number in range(3)]

    async def texts() -> dict[str, bytes]:
        page = await provider.list_page(None, UnlimitedRate())
        return {row.invoice_id: row.result.text for row in page.rows if row.result is not None}

    before = await texts()
    assert len(set(before.values())) == 3
    assert await texts() == before
    sandbox.ledger.pay(bills[1], 500)
    changed = [name for name, text in (await texts()).items() if text != before[name]]
    assert changed == [bills[1].id]
