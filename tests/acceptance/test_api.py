"""The API of the real daemon: what is done by it is in force at once, and what happens is recorded by it."""

import asyncio
import json
import signal
import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
import anyio
import pytest

from tests.acceptance.daemon import Daemon, Site, until
from tests.acceptance.operating import started

pytestmark = pytest.mark.timeout(150)

TOKEN = "token-9c8b7a6d"


def listen(site: Site, address: str = "127.0.0.1:0") -> None:
    site.http = {"listen": address, "token": {"file": site.secret("token", TOKEN)}}


def url_of(daemon: Daemon) -> str:
    (line,) = [line for line in daemon.logged if line["event"] == "http.listening"]
    return f"http://{line['address']}"


async def ask(url: str, method: str = "GET", *, status: int = 200, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 -- JSON
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.request(method, url, headers=headers, json=body) as answer:
        text = await answer.text()
        assert answer.status == status, text
        return json.loads(text) if text else None


async def test_a_watch_added_by_api_is_polled_at_once_and_its_events_come_by_long_poll(site: Site) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.polling["every"] = "1h"
    listen(site)
    async with site.running() as daemon:
        api = url_of(daemon) + "/api/v1"
        assert (await ask(f"{url_of(daemon)}/readyz"))["status"] == "ready"
        desired = {"source": "meteroid", "invoice_id": bill.id, "tags": ["vip"]}
        made = await ask(f"{api}/watches", "POST", status=201, body=desired)
        assert made["origins"] == ["api"]
        (tracked,) = (await ask(f"{api}/events?wait=30"))["items"]
        assert (tracked["type"], tracked["data"]["invoice"]["tags"]) == ("invoice.tracked", ["vip"])

        site.sandbox.ledger.pay(bill)
        path = f"{api}/invoices/meteroid/inv_1"
        assert (await ask(f"{path}/poll", "POST", status=202))["poll_at"]
        (paid,) = (await ask(f"{api}/events?after={tracked['cursor']}&wait=30"))["items"]
        assert paid["type"] == "invoice.paid"
        assert (await ask(path))["invoice"] == paid["data"]["invoice"]
        await site.hears(bill.id, "tracked", "paid")
        await until(lambda: daemon.has_logged("delivery.attempted"), "attempts are logged")
        kinds = [entry["kind"] for entry in (await ask(f"{path}/timeline"))["items"]]
        assert kinds.count("snapshot") == 2
        assert kinds.count("event") == 2
        assert (await ask(f"{api}/endpoints/ledger/test", "POST"))["delivered"]
        ((first, _),) = [(await ask(f"{api}/deliveries"))["items"]]
        await ask(f"{api}/deliveries/{first['delivery_id']}/redeliver", "POST", status=202)
        await until(lambda: len(site.receiver.deliveries) == 4, "it is sent again")
        assert (await ask(f"{api}/endpoints/ledger/disable", "POST"))["state"] == "disabled"
    assert TOKEN not in daemon.log.read_text()


async def test_a_stream_and_a_long_poll_end_when_the_daemon_is_asked_to_stop(site: Site) -> None:
    site.source("meteroid")
    listen(site)
    async with site.running() as daemon, aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        api = url_of(daemon) + "/api/v1"
        async with session.get(f"{api}/events/stream") as stream:
            assert await stream.content.readline() == b"retry: 2000\n"
            waiting = asyncio.ensure_future(ask(f"{api}/events?wait=60"))
            daemon.signal(signal.SIGTERM)
            with anyio.fail_after(30):
                assert await waiting == {"items": [], "next": None}
                assert b"event:" not in await stream.content.read()
            assert await daemon.ended() == 0


async def test_a_bad_file_is_stale_and_ready_and_its_errors_are_reported_with_the_token_alone(site: Site) -> None:
    site.source("meteroid")
    listen(site)
    async with site.running() as daemon:
        site.config.write_text(site.config.read_text() + "\n[watcher.surprise]\n")
        daemon.signal(signal.SIGHUP)
        await until(lambda: daemon.has_logged("config.refused"), "the mistake is seen")
        recorded = await ask(f"{url_of(daemon)}/readyz")
        assert (recorded["status"], recorded["config"]["state"]) == ("ready", "stale")
        assert any("surprise" in error for error in recorded["config"]["errors"])
        async with aiohttp.request("GET", f"{url_of(daemon)}/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ready"})
        site.write()
        daemon.signal(signal.SIGHUP)
        await until(lambda: daemon.has_logged("config.applied"), "it is mended")
        assert (await ask(f"{url_of(daemon)}/readyz"))["config"] == {"state": "current", "errors": []}


async def test_a_port_in_use_is_named_and_ends_the_start(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        listen(site, address)
        site.write()
        async with started(site) as daemon:
            assert await daemon.ended() == 1
        assert f"error: http.listen: {address} is in use" in daemon.log.read_text()


async def test_a_single_run_serves_nothing(site: Site) -> None:
    listen(site)
    site.write()
    async with started(site, "--once") as daemon:
        assert await daemon.ended() == 0
        assert not daemon.has_logged("http.listening")
