"""The lists of the shipped adapter files, asked of the sandbox."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest

from tests.acceptance.bills import Act, credited, paid
from tests.contract.providers.test_lists import adapter, bill, read
from tests.fakes.provider_server import StillClock, UnlimitedRate
from watcher.core.invoices.invoice import Invoice
from watcher.ports import Found, Provider
from watcher.sandbox import Ledger, Sandbox
from watcher.sandbox.traps import ChargebeeTraps


@pytest.fixture
async def sandbox(clock: StillClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock) as running:
        yield running


def asked(sandbox: Sandbox) -> list[dict[str, str]]:
    return [dict(parse_qsl(urlsplit(request.path).query)) for request in sandbox.requests]


async def test_stripe_is_asked_for_open_invoices_and_drafts_after_the_last_id(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    for number in range(1, 102):
        bill(sandbox.ledger, "stripe", number)
    assert [len(page) for page in await read(adapter("stripe", sandbox, session))] == [100, 1, 0]
    assert asked(sandbox) == [
        {"status": "open", "limit": "100"},
        {"status": "open", "limit": "100", "starting_after": "in_00002"},
        {"status": "draft", "limit": "100"},
    ]


@pytest.mark.parametrize(
    ("act", "is_known"),
    [(credited(400), True), (paid(400), False), (Ledger.start_payment, False), (Ledger.fail_payment, True)],
)
async def test_a_stripe_row_that_does_not_tell_payments_apart_claims_nothing_that_is_known_otherwise(
    sandbox: Sandbox, session: aiohttp.ClientSession, act: Act, *, is_known: bool
) -> None:
    """What a row counts as failed may be too much, and then differs: the invoice is polled, and no event is made."""
    one, provider = bill(sandbox.ledger, "stripe", 1), adapter("stripe", sandbox, session)
    act(sandbox.ledger, one)
    page = await provider.list_page(None, UnlimitedRate())
    row = provider.to_invoice(page.rows[0].document, None)
    whole = await by_id(provider, one.id)
    assert page.omits == {"payment_pending", "last_payment_error"}
    assert (row.failed_attempts == whole.failed_attempts) is is_known
    assert (row.amounts, row.status) == (whole.amounts, whole.status)


async def by_id(provider: Provider, invoice_id: str) -> Invoice:
    result = (await provider.fetch([invoice_id], UnlimitedRate())).results[invoice_id]
    assert isinstance(result, Found)
    return provider.to_invoice(result.document, None)


async def test_lago_is_asked_by_page_number_until_there_is_no_next(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    for number in range(1, 202):
        bill(sandbox.ledger, "lago", number)
    sandbox.ledger.pay(bill(sandbox.ledger, "lago", 999))
    provider = adapter("lago", sandbox, session)
    assert [len(page) for page in await read(provider)] == [100, 100, 1]
    assert [query["page"] for query in asked(sandbox)] == ["1", "2", "3"]
    assert (await provider.list_page(None, UnlimitedRate())).total == 201


@pytest.mark.parametrize("restless", [False, True])
async def test_chargebee_reports_what_changed_since_an_instant_settled_or_not(
    sandbox: Sandbox, session: aiohttp.ClientSession, clock: StillClock, *, restless: bool
) -> None:
    sandbox.traps.chargebee = ChargebeeTraps(restless=restless)
    first, second = bill(sandbox.ledger, "chargebee", 1), bill(sandbox.ledger, "chargebee", 2)
    clock.advance(timedelta(hours=3))
    sandbox.ledger.pay(second)
    third = bill(sandbox.ledger, "chargebee", 3)
    provider = adapter("chargebee", sandbox, session)
    assert provider.lists_changes
    since = clock.now() - timedelta(hours=1)
    changed = [(row.invoice_id, row.is_settled) for page in await read(provider, since) for row in page]
    untouched = [(first.id, False)] if restless else []
    assert sorted(changed) == sorted([*untouched, (second.id, True), (third.id, False)])


async def test_chargebee_pages_that_are_shorter_than_asked_for_are_followed(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    sandbox.traps.chargebee = ChargebeeTraps(rows_at_most=10)
    for number in range(1, 26):
        bill(sandbox.ledger, "chargebee", number)
    assert [len(page) for page in await read(adapter("chargebee", sandbox, session))] == [10, 10, 5]


async def test_chargebee_is_asked_for_fifty_invoices_at_once(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    ids = [bill(sandbox.ledger, "chargebee", number).id for number in range(50)]
    results = (await adapter("chargebee", sandbox, session).fetch(ids, UnlimitedRate())).results
    assert {type(result) for result in results.values()} == {Found}
    assert len(sandbox.requests) == 1
