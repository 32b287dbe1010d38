"""The list calls of the providers, asked of the sandbox, which repeats their traps."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from tests.acceptance.bills import lago_id, rapyd_id
from tests.fakes.adapter_files import DOLLR, EVERY, METEROID, kind_named
from tests.fakes.provider_server import StillClock, UnlimitedRate
from watcher.ports import Found, Listed, Provider
from watcher.providers.toolkit.kind import Account
from watcher.sandbox import Bill, Ledger, Sandbox
from watcher.sandbox.traps import OLD_METEROID, SELF_HOSTED_METEROID, ChargeOverTraps

EACH = pytest.mark.parametrize("name", EVERY)
WHOLE = pytest.mark.parametrize("name", ["chargebee", "fragment", "meteroid", METEROID, "rapyd"])


@pytest.fixture
async def sandbox(clock: StillClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock) as running:
        yield running


def adapter(name: str, sandbox: Sandbox, session: aiohttp.ClientSession, *, base_url: str | None = None) -> Provider:
    kind = kind_named(name)
    account = Account(
        "acme",
        base_url or sandbox.base_urls[name],
        ZoneInfo(kind.timezone),
        timedelta(seconds=5),
        sandbox.credentials[name],
        {"token_url": sandbox.token_url},
    )
    return kind.build(account, session, sandbox.clock, lambda: 0.5)


def bill_id(name: str, number: int) -> str:
    ids = {
        "meteroid": f"inv_{number:05d}",
        "rapyd": rapyd_id(number),
        "fragment": f"order/{number} #?",
        "stripe": f"in_{number:05d}",
        "lago": lago_id(number),
        "chargebee": f"INV-{number}",
    }
    return ids.get(name, str(number))


def bill(ledger: Ledger, name: str, number: int) -> Bill:
    return ledger.create(name, bill_id(name, number), "EUR", 1000 + number, date(2036, 1, 31))


async def read(provider: Provider, changed_since: datetime | None = None) -> list[list[Listed]]:
    """The rows of the whole list, by pages."""
    pages: list[list[Listed]] = []
    following: str | None = None
    while True:
        page = await provider.list_page(following, UnlimitedRate(), changed_since=changed_since)
        pages.append(list(page.rows))
        following = page.next_page
        if following is None:
            return pages


async def rows(provider: Provider) -> list[Listed]:
    return [row for page in await read(provider) for row in page]


@EACH
async def test_a_list_is_read_to_its_end_without_a_gap(
    name: str, sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    wanted = [bill(sandbox.ledger, name, number).id for number in range(1, 251)]
    found = [row.invoice_id for row in await rows(adapter(name, sandbox, session))]
    assert sorted(found) == sorted(wanted)


@EACH
async def test_an_empty_list_ends_at_once(name: str, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    assert await rows(adapter(name, sandbox, session)) == []


@EACH
async def test_what_is_settled_is_left_out_or_said_to_be(
    name: str, sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    ledger = sandbox.ledger
    bill(ledger, name, 1)
    ledger.pay(bill(ledger, name, 2))
    ledger.start_payment(bill(ledger, name, 3))
    ledger.create(name, bill_id(name, 4), "EUR", 4000, date(2036, 1, 31), draft=name != "chargeover")
    if name != "fragment":
        ledger.void(bill(ledger, name, 5))
    found = {row.invoice_id for row in await rows(adapter(name, sandbox, session)) if not row.is_settled}
    assert found == {bill_id(name, number) for number in (1, 3, 4)}


@WHOLE
async def test_a_row_that_is_a_whole_document_equals_the_answer_by_id(
    name: str, sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    made = bill(sandbox.ledger, name, 1)
    sandbox.ledger.pay(made, 300)
    provider = adapter(name, sandbox, session)
    (row,) = await rows(provider)
    result = (await provider.fetch([made.id], UnlimitedRate())).results[made.id]
    assert isinstance(result, Found)
    assert row.result is not None
    assert row.result.fingerprint == result.fingerprint
    assert row.result.raw == result.raw
    assert provider.to_invoice(row.document, None) == provider.to_invoice(result.document, None)


@pytest.mark.parametrize("name", ["chargeover", "dollr", DOLLR, "lago"])
async def test_a_row_that_is_an_overview_says_which_fields_it_lacks_and_nothing_false_of_the_others(
    name: str, sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    made = bill(sandbox.ledger, name, 1)
    provider = adapter(name, sandbox, session)
    page = await provider.list_page(None, UnlimitedRate())
    (row,) = page.rows
    result = (await provider.fetch([made.id], UnlimitedRate())).results[made.id]
    assert isinstance(result, Found)
    assert row.result is None
    given, whole = provider.to_invoice(row.document, None), provider.to_invoice(result.document, None)
    assert given != whole
    assert "line_count" in page.omits
    assert replace(given, line_count=whole.line_count, customer_name=whole.customer_name) == whole


@pytest.mark.parametrize("name", ["chargebee", "chargeover", "dollr", DOLLR])
async def test_a_row_that_dates_its_change_in_the_future_says_nothing_of_when_it_changed(
    name: str, sandbox: Sandbox, session: aiohttp.ClientSession, clock: StillClock
) -> None:
    first = bill(sandbox.ledger, name, 1)
    clock.advance(timedelta(hours=5))
    late = bill(sandbox.ledger, name, 2)
    clock.advance(timedelta(hours=-5))
    given = {row.invoice_id: row.changed_at for row in await rows(adapter(name, sandbox, session))}
    assert given == {first.id: clock.now().replace(microsecond=0), late.id: None}


async def test_meteroid_is_asked_for_pages_of_a_hundred_counted_from_zero(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    for number in range(1, 202):
        bill(sandbox.ledger, "meteroid", number)
    provider = adapter("meteroid", sandbox, session)
    assert [len(page) for page in await read(provider)] == [100, 100, 1]
    assert [request.path.partition("?")[2].split("&")[:2] for request in sandbox.requests] == [
        [f"page={number}", "per_page=100"] for number in range(3)
    ]
    page = await provider.list_page("1", UnlimitedRate())
    assert page.total == 201


@pytest.mark.parametrize("traps", [SELF_HOSTED_METEROID, OLD_METEROID])
async def test_older_meteroid_servers_are_asked_in_their_own_spelling(
    traps: object, sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    sandbox.traps.meteroid = traps  # pyright: ignore[reportAttributeAccessIssue] -- one of its two presets
    ledger = sandbox.ledger
    bill(ledger, "meteroid", 1)
    ledger.pay(bill(ledger, "meteroid", 2))
    provider = adapter("meteroid", sandbox, session)
    assert [(row.invoice_id, row.is_settled) for row in await rows(provider)] == [
        ("inv_00002", True),
        ("inv_00001", False),
    ]
    asked = len(sandbox.requests)
    await rows(provider)
    assert len(sandbox.requests) == asked + 1, "the spelling is tried once"


async def test_a_consolidated_meteroid_invoice_leaves_the_list_and_is_known_by_id(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    made = bill(sandbox.ledger, "meteroid", 1)
    sandbox.ledger.consolidate(made)
    provider = adapter("meteroid", sandbox, session)
    assert await rows(provider) == []
    assert isinstance((await provider.fetch([made.id], UnlimitedRate())).results[made.id], Found)


async def test_dollr_is_asked_for_each_unsettled_status_and_answers_without_pages(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    for number in range(1, 301):
        bill(sandbox.ledger, "dollr", number)
    assert [len(page) for page in await read(adapter("dollr", sandbox, session))] == [300, 0, 0]


async def test_rapyd_pages_by_the_last_id_until_a_short_page(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    for number in range(1, 102):
        bill(sandbox.ledger, "rapyd", number)
    assert [len(page) for page in await read(adapter("rapyd", sandbox, session))] == [100, 1]
    assert sandbox.requests[-1].path == f"/v1/invoices?limit=100&starting_after={rapyd_id(2)}"


@pytest.mark.parametrize("traps", [ChargeOverTraps(), ChargeOverTraps(naive_times=True, text_ids_in_lists=True)])
async def test_chargeover_reports_what_changed_since_an_instant_settled_or_not(
    traps: ChargeOverTraps, sandbox: Sandbox, session: aiohttp.ClientSession, clock: StillClock
) -> None:
    sandbox.traps.chargeover = traps
    ledger = sandbox.ledger
    bill(ledger, "chargeover", 1)
    second = bill(ledger, "chargeover", 2)
    clock.advance(timedelta(hours=3))
    ledger.pay(second)
    bill(ledger, "chargeover", 3)
    provider = adapter("chargeover", sandbox, session)
    since = clock.now() - timedelta(hours=1)
    assert provider.lists_changes
    changed = [row for page in await read(provider, since) for row in page]
    assert [(row.invoice_id, row.is_settled) for row in changed] == [("2", True), ("3", False)]


async def test_a_chargeover_server_that_gives_fewer_rows_than_asked_for_is_read_on(
    sandbox: Sandbox, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.sandbox.apis.chargeover_query.MAX_LIMIT", 10)
    for number in range(1, 26):
        bill(sandbox.ledger, "chargeover", number)
    assert [len(page) for page in await read(adapter("chargeover", sandbox, session))] == [10, 10, 5, 0]


async def test_the_addresses_in_chargeovers_rows_are_left_behind(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    bill(sandbox.ledger, "chargeover", 1)
    (row,) = await rows(adapter("chargeover", sandbox, session))
    assert not [key for key in row.document if key.startswith(("bill_", "ship_"))]
