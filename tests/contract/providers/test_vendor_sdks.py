"""The vendors' own SDKs as oracles: they ask for the same path with the same credentials, and read the same answers.

Answers are the examples of the shipped files. An SDK proves the form of request and answer, not what the fields mean.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

import aiohttp
import chargebee
import httpx
import pytest

from tests.fakes.provider_server import Asked, ProviderServer, StillClock, UnlimitedRate
from tests.fakes.vendor_sdks import chargebee_invoices, lago_invoices, square_invoices, stripe_invoices
from watcher.config.adapters.built_in import BUILT_IN, shipped_adapter
from watcher.ports import Found, Provider
from watcher.providers.toolkit.kind import Account
from watcher.providers.toolkit.session import open_session

KEY = "key-1"


@dataclass(frozen=True, slots=True)
class Sdk:
    """`get` and `list_all` make one call each at this base URL; `fields` names the amounts of what `get` gives."""

    get: Callable[[str, str], Any]
    list_all: Callable[[str], Any]
    fields: Mapping[str, Callable[[Any], object]]
    header: str
    prefix: str = ""
    empty_list: object = None


def _of_square(url: str, ask: Callable[[Any], Any]) -> Any:  # noqa: ANN401 -- the SDK's own
    with httpx.Client() as client:
        return ask(square_invoices(url, KEY, client))


SDKS: dict[str, Sdk] = {
    "stripe": Sdk(
        get=lambda url, one: stripe_invoices(url, KEY).retrieve(one),
        list_all=lambda url: stripe_invoices(url, KEY).list({"limit": 100, "status": "open"}),
        fields={"total": lambda one: one.total, "amount_remaining": lambda one: one.amount_remaining},
        header="Authorization",
        empty_list={"object": "list", "data": [], "has_more": False, "url": "/v1/invoices"},
    ),
    "chargebee": Sdk(
        get=lambda url, one: chargebee_invoices(f"{url}/api/v2", KEY).retrieve(one).invoice,
        list_all=lambda url: chargebee_invoices(f"{url}/api/v2", KEY).list(
            {"limit": 100, "status": {"in": _UNSETTLED}}
        ),
        fields={"total": lambda one: one.total, "amount_due": lambda one: one.amount_due},
        header="Authorization",
        prefix="/api/v2",
        empty_list={"list": []},
    ),
    "lago": Sdk(
        get=lambda url, one: lago_invoices(url, KEY).find(one),
        list_all=lambda url: lago_invoices(url, KEY).find_all({"per_page": 100, "page": 1}),
        fields={"total_amount_cents": lambda one: one.total_amount_cents},
        header="Authorization",
        empty_list={"invoices": [], "meta": {"current_page": 1, "total_count": 0, "total_pages": 0}},
    ),
    "square": Sdk(
        get=lambda url, one: _of_square(url, lambda invoices: invoices.get(one).invoice),
        list_all=lambda url: _of_square(url, lambda invoices: list(invoices.list(location_id="L1", limit=200))),
        fields={"invoice_number": lambda one: one.invoice_number, "version": lambda one: one.version},
        header="Square-Version",
        empty_list={},
    ),
}
_UNSETTLED = ["posted", "payment_due", "not_paid", "pending"]
EACH = pytest.mark.parametrize("name", SDKS)


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chargebee's SDK speaks plain http only where it would not verify certificates."""
    monkeypatch.setattr(chargebee.Chargebee, "verify_ca_certs", False)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


def adapter(name: str, session: aiohttp.ClientSession, url: str, clock: StillClock) -> Provider:
    kind = BUILT_IN[name]
    keys = dict.fromkeys(kind.credentials, KEY)
    base_url = url + SDKS[name].prefix
    account = Account("acme", base_url, ZoneInfo("UTC"), timedelta(seconds=5), keys, {"location_id": "L1"})
    return kind.build(account, session, clock, lambda: 0.5)


def example(name: str) -> bytes:
    """The first example, which every file has whole."""
    return shipped_adapter(name).examples[0].answer.encode()


def sent(asked: Asked, header: str) -> tuple[str, str, str | None, str | None]:
    authorization = asked.headers.get("Authorization")
    return asked.method, unquote(urlsplit(asked.path).path), authorization, asked.headers.get(header)


@EACH
async def test_an_invoice_is_asked_for_and_read_as_the_sdk_does(
    name: str, server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock
) -> None:
    sdk, provider = SDKS[name], adapter(name, session, server.url, clock)
    server.answer(example(name))
    spec = shipped_adapter(name).spec
    wanted = str((shipped_adapter(name).examples[0].expect or {})["id"])
    result = (await provider.fetch([wanted], UnlimitedRate())).results[wanted]
    assert isinstance(result, Found)
    read = await asyncio.to_thread(sdk.get, server.url, wanted)
    ours, theirs = server.asked
    assert sent(ours, sdk.header) == sent(theirs, sdk.header)
    assert {key: get(read) for key, get in sdk.fields.items()} == {key: result.document[key] for key in sdk.fields}
    assert spec.invoice.id in result.document


async def test_chargebee_is_asked_for_what_changed_as_the_sdk_does(
    server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock
) -> None:
    provider = adapter("chargebee", session, server.url, clock)
    assert provider.lists_changes
    server.answer({"list": []})
    since = datetime(2026, 11, 22, 10, tzinfo=UTC)
    await provider.list_page(None, UnlimitedRate(), changed_since=since)
    seconds = int(since.timestamp()) - 1  # "after" leaves out that second, in which more may have changed
    filters = {"limit": 100, "updated_at": {"after": seconds}, "sort_by": {"asc": "updated_at"}}
    await asyncio.to_thread(lambda: chargebee_invoices(f"{server.url}/api/v2", KEY).list(filters))
    ours, theirs = (dict(parse_qsl(urlsplit(asked.path).query)) for asked in server.asked)
    assert ours == theirs


@EACH
async def test_a_list_is_asked_for_as_the_sdk_does(
    name: str, server: ProviderServer, session: aiohttp.ClientSession, clock: StillClock
) -> None:
    sdk, provider = SDKS[name], adapter(name, session, server.url, clock)
    server.answer(sdk.empty_list)
    assert (await provider.list_page(None, UnlimitedRate())).rows == ()
    await asyncio.to_thread(sdk.list_all, server.url)
    ours, theirs = server.asked
    assert sent(ours, sdk.header) == sent(theirs, sdk.header)
    parameters = [dict(parse_qsl(urlsplit(asked.path).query)) for asked in (ours, theirs)]
    if name == "lago":  # the SDK does not know its filters: it passes what it is given
        parameters[0].pop("payment_statuses[]")
    # Chargebee's SDK writes a list as Python does; its documentation shows JSON.
    theirs_as_json = {key: text.replace(" ", "").replace("'", '"') for key, text in parameters[1].items()}
    assert theirs_as_json == parameters[0]
