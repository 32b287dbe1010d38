"""Hints: a webhook of the provider makes an invoice due at once, and is never believed."""

import io
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import anyio
import pytest

from tests.acceptance.daemon import Site, until
from tests.acceptance.hinted import TOKEN, take_hints

SENDERS = 10
"""As many hints may be verified at the same time, before each of them counts."""
IDS = {"meteroid": "inv_1", "rapyd": "invoice_" + "a" * 32, "chargeover": "4711", "dollr": "1001"}


@asynccontextmanager
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def hint(
    address: str, source: str, document: object, token: str | None = TOKEN, body: io.BytesIO | None = None
) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"http://{address}/hints/{source}"
    sent = body or io.BytesIO(json.dumps(document).encode())
    async with session() as opened, opened.post(url, data=sent, headers=headers) as response:
        return response.status


@pytest.mark.parametrize("provider", ["meteroid", "rapyd", "chargeover"])
async def test_a_payment_is_told_within_seconds_although_polls_are_an_hour_apart(site: Site, provider: str) -> None:
    bill = site.sandbox.ledger.create(provider, IDS[provider], "EUR", 1000)
    take_hints(site, provider)
    site.watch(provider, bill.id)
    async with site.running():
        await site.hears(bill.id, "tracked")
        site.sandbox.ledger.pay(bill)
        await site.hears(bill.id, "tracked", "paid")
        await site.sandbox.hints.all_sent()
        assert {sent.status for sent in site.sandbox.hints.sent} == {202}
        (_, paid) = [event["found_by"] for event in await site.command("events")]
        assert paid == "hint"


async def test_a_hint_before_the_provider_shows_the_change_is_followed_by_one_more_poll_and_no_other(
    site: Site,
) -> None:
    bill = site.sandbox.ledger.create("dollr", IDS["dollr"], "EUR", 1000)
    address = take_hints(site, "dollr")
    site.sources["dollr"]["hints"] = {"token": {"file": site.secret("hint_token", TOKEN)}, "echo": "1s"}
    site.watch("dollr", bill.id)
    async with site.running():
        await site.hears(bill.id, "tracked")
        before = len(site.asked(bill.id))
        assert await hint(address, "dollr", {"invoice_id": bill.id}) == 202
        await until(lambda: len(site.asked(bill.id)) == before + 1, "the hint is a poll")
        site.sandbox.ledger.pay(bill)
        await site.hears(bill.id, "tracked", "paid")
        assert await hint(address, "dollr", {"invoice_ids": [bill.id, "9999"]}) == 202
        await anyio.sleep(3)
        assert len(site.asked(bill.id)) == before + 4, "the hint, its echo, and the same again"
        assert not site.asked("9999")


async def test_the_listener_serves_hints_and_nothing_else(site: Site) -> None:
    site.sandbox.ledger.create("dollr", IDS["dollr"], "EUR", 1000)
    address = take_hints(site, "dollr")
    site.source("fragment")
    async with site.running():
        assert await hint(address, "dollr", {"invoice_id": IDS["dollr"]}, token="wrong") == 401
        assert await hint(address, "dollr", {"invoice_id": IDS["dollr"]}, token=None) == 401
        assert await hint(address, "fragment", {"invoice_id": "x"}) == 404
        assert await hint(address, "nobody", {"invoice_id": "x"}) == 404
        assert await hint(address, "dollr", {"invoice": "x"}) == 400
        assert await hint(address, "dollr", None, body=io.BytesIO(b" " * ((1 << 20) + 1))) == 413
        async with session() as opened:
            for path in ("/", "/healthz", "/metrics", "/api/v1/watches", "/login"):
                async with opened.get(f"http://{address}{path}") as response:
                    assert response.status == 404
            async with opened.get(f"http://{address}/hints/dollr") as response:
                assert response.status == 405


async def test_hints_share_the_address_of_the_page_and_no_rule_about_its_host(site: Site) -> None:
    bill = site.sandbox.ledger.create("dollr", IDS["dollr"], "EUR", 1000)
    address = take_hints(site, "dollr")
    site.hints, site.http = {}, {"listen": address}
    site.watch("dollr", bill.id)
    async with site.running(), session() as opened:
        headers = {"Authorization": f"Bearer {TOKEN}", "Host": "hooks.example.com", "Origin": "https://else.example"}
        body = {"invoice_id": bill.id}
        async with opened.post(f"http://{address}/hints/dollr", json=body, headers=headers) as response:
            assert response.status == 202
        async with opened.get(f"http://{address}/api/v1/watches", headers=headers) as response:
            assert response.status == 403


async def test_a_flood_is_limited_and_counts_no_forged_hint(site: Site) -> None:
    bill = site.sandbox.ledger.create("dollr", IDS["dollr"], "EUR", 1000)
    address = take_hints(site, "dollr")
    site.watch("dollr", bill.id)
    async with site.running():
        await site.hears(bill.id, "tracked")
        forged = {await hint(address, "dollr", {"invoice_id": bill.id}, token="wrong") for _ in range(50)}
        assert forged == {401}
        statuses: list[int] = []

        async def flood(opened: aiohttp.ClientSession) -> None:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            for _ in range(100):
                url, body = f"http://{address}/hints/dollr", {"invoice_id": bill.id}
                async with opened.post(url, json=body, headers=headers) as response:
                    statuses.append(response.status)
                    assert response.status == 202 or response.headers["Retry-After"] == "1"

        began_at = anyio.current_time()
        async with session() as opened, anyio.create_task_group() as group:
            for _ in range(SENDERS):
                group.start_soon(flood, opened)
        most = 500 + 50 * (anyio.current_time() - began_at) + SENDERS
        assert set(statuses) == {202, 429}
        assert 500 <= statuses.count(202) <= most


async def test_unknown_invoices_are_discovered_within_a_budget_of_their_own(site: Site) -> None:
    bills = [site.sandbox.ledger.create("dollr", str(number + 1), "EUR", 1000) for number in range(3)]
    address = take_hints(site, "dollr", discover=True, rate="10/s")
    async with site.running():
        phantoms = [f"90{number:02}" for number in range(97)]
        ids = [*(bill.id for bill in bills), *phantoms]
        assert await hint(address, "dollr", {"invoice_ids": ids}) == 202
        for bill in bills:
            await site.hears(bill.id, "tracked")
        assert len(site.asked("/90")) <= 8, "one request a second"
        row = (await site.command("watch", "list", "--source", "dollr", "--limit", "1"))[0]
        assert row["origins"] == ["discovered"]
