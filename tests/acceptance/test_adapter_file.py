"""An adapter file on its way through the whole program: the daemon reads it, polls by it, and sends events."""

import hashlib
import hmac
import json
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.daemon import Site, until
from tests.fakes.provider_server import ProviderServer, provider_server
from watcher.config.adapters.built_in import shipped_adapter
from watcher.sandbox.server import free_port

FILE = Path(__file__).parents[1] / "data" / "adapters" / "tally.toml"
BILL: dict[str, object] = {
    "id": "b_1",
    "number": "T-1",
    "state": "sent",
    "currency": "EUR",
    "total_cents": 10_000,
    "created": 1_767_225_600,
    "changed": 1_767_225_600,
    "customer": {"id": "c_7", "name": "Ada"},
    "lines": [{}, {}],
    "payments": [],
}


def take_hints(site: Site) -> str:
    """Polls are too rare to find the change."""
    address = f"127.0.0.1:{free_port()}"
    site.hints = {"listen": address}
    site.polling |= {"every": "1h"}
    return address


def stripe_signature(secret: str, body: bytes) -> dict[str, str]:
    seconds = str(int(time.time()))
    digest = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={seconds},v1={digest}"}


async def send(address: str, source: str, body: bytes, headers: dict[str, str]) -> int:
    url = f"http://{address}/hints/{source}"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        return response.status


def paid(cents: int, *, at: int) -> dict[str, object]:
    return {"state": "settled", "cents": cents, "at": at}


@pytest.fixture
async def server() -> AsyncIterator[ProviderServer]:
    async with provider_server() as running:
        yield running


@pytest.fixture
def tally(site: Site, server: ProviderServer) -> Site:
    (site.folder / "adapters").mkdir()
    shutil.copy(FILE, site.folder / "adapters")
    site.watcher["adapters"] = ["adapters/*.toml"]
    site.sources["tally"] = {
        "provider": "tally",
        "base_url": f"{server.url}/v2",
        "rate": "50/s",
        "api_key": {"file": site.secret("tally", "key-1")},
        "team": "north",
    }
    site.watch("tally", "b_1")
    return site


async def test_the_daemon_polls_by_an_adapter_file_sends_events_and_reads_it_again(
    tally: Site, server: ProviderServer
) -> None:
    server.answer({"bill": BILL})
    async with tally.running():
        await tally.hears("b_1", "tracked")
        part = BILL | {"changed": 1_767_312_000, "payments": [paid(4000, at=1_767_312_000)]}
        server.answer({"bill": part})
        await tally.hears("b_1", "tracked", "partially_paid")
        server.answer({"bill": part | {"state": "paid", "payments": [paid(10_000, at=1_767_312_001)]}})
        *_, last = await tally.hears("b_1", "tracked", "partially_paid", "paid")
        server.answer({"bill": part | {"state": "paid", "payments": [paid(10_000, at=1_767_312_001)], "seen_at": 5}})
        count = len(server.asked)
        await until(lambda: len(server.asked) > count + 2, "it is polled again")
        assert tally.recorded("b_1") == ["tracked", "partially_paid", "paid"]
        file, log = tally.folder / "adapters" / "tally.toml", tally.folder / "run-0.log"
        file.write_text(file.read_text().replace('"/bills/{id}"', '"/invoices/{id}"'))
        await until(lambda: server.asked[-1].path == "/v2/invoices/b_1", "a changed file is in force")
        file.write_text(file.read_text().replace('"/invoices/{id}"', '"bills"'))
        await until(lambda: "adapters/tally.toml" in log.read_text(), "the mistake is reported")
        count = len(server.asked)
        await until(lambda: len(server.asked) > count, "the last good one stays in force")
        assert server.asked[-1].path == "/v2/invoices/b_1"
    invoice = last["data"]["invoice"]
    assert (invoice["provider"], invoice["status"], invoice["line_count"]) == ("tally", "paid", 2)
    assert invoice["amounts"][0]["paid"] == "100.00"
    assert "name" not in invoice["customer"] or invoice["customer"]["name"] is None
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("GET", "/v2/bills/b_1")
    assert asked.headers["Authorization"] == "Bearer key-1"
    assert (asked.headers["Tally-Version"], asked.headers["Tally-Team"]) == ("2026-01-01", "north")


async def test_a_shipped_file_is_a_provider_like_any_other_and_takes_its_webhooks(
    site: Site, server: ProviderServer
) -> None:
    address, url = take_hints(site), f"{server.url}"
    key, secret = ({"file": site.secret(name, text)} for name, text in (("stripe", "sk_1"), ("hook", "whsec_1")))
    site.sources["shop"] = {"provider": "stripe", "base_url": url, "api_key": key, "hints": {"secret": secret}}
    site.watch("shop", "in_1QwErTy")
    document = json.loads(shipped_adapter("stripe").examples[0].answer)
    server.answer(document)
    body = json.dumps({"type": "invoice.paid", "data": {"object": {"id": "in_1QwErTy"}}}).encode()
    async with site.running():
        await site.hears("in_1QwErTy", "tracked")
        server.answer(document | {"status": "paid", "amount_paid": 9000, "amount_remaining": 0, "attempt_count": 2})
        assert await send(address, "shop", body, stripe_signature("other", body)) == 401
        assert await send(address, "shop", b"{", stripe_signature("whsec_1", b"{")) == 400
        assert await send(address, "shop", body, stripe_signature("whsec_1", body)) == 202
        *_, last = await site.hears("in_1QwErTy", "tracked", "paid")
        assert [event["found_by"] for event in await site.command("events")] == ["poll", "hint"]
    assert last["data"]["invoice"]["provider"] == "stripe"
    assert last["data"]["delta"] == [{"currency": "EUR", "amount": "50.00"}]
    assert "ada@example.com" not in json.dumps(last)
    assert server.asked[0].headers["Stripe-Version"] == "2026-10-28.endive"


async def test_commands_know_the_provider_of_an_adapter_file(tally: Site, server: ProviderServer) -> None:
    server.answer({"bill": BILL})
    tally.write()
    (got,) = await tally.command("get", "tally", "b_1")
    assert got["amounts"] == [
        {
            "currency": "EUR",
            "total": "100.00",
            "paid": "0.00",
            "due": "100.00",
            "credited": "0.00",
            "refunded": "0.00",
            "written_off": "0.00",
        }
    ]
    server.answers.clear()
    server.answer({"bills": [], "more": False})
    (checked,) = await tally.command("check", "--online")
    assert checked["sources"] == [{"name": "tally", "provider": "tally", "ok": True, "detail": "answers"}]
    assert str(tally.folder / "adapters" / "tally.toml") in json.dumps(checked["files"])
