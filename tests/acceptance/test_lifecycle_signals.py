"""Stopping, reloading and speaking with systemd, while requests are in flight."""

import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from tests.acceptance.daemon import ALIVE_AFTER, Site, until
from tests.acceptance.operating import started
from watcher.sandbox import Delivery, Fault, FaultKind, Receiver

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def held_receiver(site: Site) -> AsyncGenerator[anyio.Event]:
    """The site's receiver answers nothing until the event is set."""
    answering = anyio.Event()

    async def hold(delivery: Delivery) -> None:
        del delivery
        await answering.wait()

    async with Receiver(on_delivery=hold) as receiver:
        site.receiver = receiver
        site.endpoint()
        try:
            yield answering
        finally:
            answering.set()


async def test_sigterm_finishes_the_poll_and_the_webhook_in_flight_and_exits_0(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.sandbox.ledger.create("dollr", "77", "USD", 1000)
    site.source("meteroid")
    site.source("dollr")
    site.watch("meteroid", "inv_1")
    site.write()
    async with held_receiver(site) as answering:
        async with site.running() as daemon:
            await until(lambda: site.receiver.deliveries, "the webhook is in flight")
            site.sandbox.fail_next("dollr", Fault(FaultKind.SLOW, delay=timedelta(seconds=2)), times=2)
            await site.command("watch", "add", "dollr", "77")
            await until(lambda: site.asked(provider="dollr"), "the poll is in flight")
            daemon.signal(signal.SIGTERM)
            await until(lambda: daemon.has_logged("service.stopping"), "it knows")
            answering.set()
            assert await daemon.ended() == 0
        asked = len(site.sandbox.requests)
        shown = await site.command("show", "dollr", "77")
        assert [one["state"] for one in await site.command("deliveries")][:1] == ["delivered"]
        assert len(site.sandbox.requests) == asked
        assert [event["type"] for event in shown[0]["events"]] == ["invoice.tracked"]
        async with site.running():
            await until(lambda: len(site.recorded()) == 2, "what was recorded last is recorded after the next start")
        assert [delivery.duplicate for delivery in site.receiver.deliveries] == [False, False]


async def test_a_receiver_that_never_answers_is_left_after_the_grace_and_gets_the_same_bytes_later(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.watcher["shutdown_grace"] = "500ms"
    site.receiver.hang_next()
    async with site.running() as daemon:
        await until(lambda: site.receiver.deliveries, "the webhook is in flight")
        daemon.signal(signal.SIGINT)
        with anyio.fail_after(12):
            assert await daemon.process.wait() == 0
    async with site.running():
        await until(lambda: len(site.receiver.deliveries) == 2, "it is sent again, and not only when a lease ends")
    first, second = site.receiver.deliveries
    assert (first.id, first.body, first.verified) == (second.id, second.body, True)


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_drain_at_once_and_a_reload_does_not_kill_it(
    site: Site, again: signal.Signals
) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.watcher["shutdown_grace"] = "10m"
    site.endpoint(timeout="9m")
    site.receiver.hang_next()
    async with site.running() as daemon:
        await until(lambda: site.receiver.deliveries, "the webhook is in flight")
        daemon.signal(signal.SIGTERM)
        await until(lambda: daemon.has_logged("service.stopping"), "it knows")
        daemon.signal(signal.SIGHUP)
        daemon.signal(again)
        assert await daemon.ended() == 0
    assert daemon.has_logged("service.stopped")
    assert [one["state"] for one in await site.command("deliveries")] == ["pending"]


async def test_sighup_applies_at_once_what_is_still_being_written_and_drops_nothing(site: Site) -> None:
    for number in (1, 2):
        site.sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.receiver.hang_next()
    async with site.running() as daemon, anyio.create_task_group() as group:
        await until(lambda: site.receiver.deliveries, "a webhook is in flight")
        growing = site.folder / "watchlists" / "growing.toml"

        async def keep_writing() -> None:
            while True:
                growing.write_text('source = "meteroid"\ninvoices = ["inv_2"]\n' + "#" * (growing_size() % 5))
                await anyio.sleep(0.1)

        def growing_size() -> int:
            return len(growing.read_text()) if growing.exists() else 0

        group.start_soon(keep_writing)
        await site.polls_again("inv_1", times=4)
        assert not daemon.has_logged("config.applied")
        daemon.signal(signal.SIGHUP)
        await until(lambda: daemon.has_logged("watchlists.applied", added=1), "the list is in force")
        group.cancel_scope.cancel()
        await until(lambda: "tracked" in site.recorded("inv_2"), "the new watch is polled")


async def test_systemd_hears_ready_watchdog_reloading_and_stopping(site: Site, tmp_path: Path) -> None:
    site.source("meteroid")
    site.write()
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(0)

        def hears(word: str) -> bool:
            try:
                while True:
                    heard.extend(listening.recv(4096).decode().splitlines())
            except BlockingIOError:
                return word in heard

        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        async with started(site, variables=variables) as daemon:
            await until(lambda: hears("READY=1"), "READY")
            assert daemon.has_logged(ALIVE_AFTER)
            await until(lambda: hears("WATCHDOG=1"), "WATCHDOG")
            daemon.signal(signal.SIGHUP)
            await until(lambda: hears("RELOADING=1"), "RELOADING")
            assert any(line.startswith("MONOTONIC_USEC=") for line in heard)
            daemon.signal(signal.SIGTERM)
            await until(lambda: hears("STOPPING=1"), "STOPPING")
            assert await daemon.ended() == 0
    assert [line for line in heard if line.isupper() and line.endswith("=1") and line != "WATCHDOG=1"] == [
        "READY=1", "RELOADING=1", "READY=1", "STOPPING=1",
    ]  # fmt: skip
