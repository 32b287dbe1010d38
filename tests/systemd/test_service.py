"""The installed service under a real systemd: started, reloaded, stuck, crashed, misconfigured and stopped."""

import re
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from tests.acceptance.daemon import Site, until
from tests.integration.repository.documents import SYSTEMD, shell
from tests.systemd.machine import UNIT, Machine
from tests.systemd.site import SOURCE
from watcher.sandbox import DEMO_SECRET, Delivery, Receiver

pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def held_receiver(site: Site) -> AsyncGenerator[anyio.Event]:
    """The site's receiver answers nothing until the event is set."""
    answering = anyio.Event()

    async def hold(delivery: Delivery) -> None:
        del delivery
        await answering.wait()

    async with Receiver(on_delivery=hold) as receiver:
        site.receiver = receiver
        site.endpoint(secrets=[{"credential": "ledger_webhook_secret"}])
        try:
            yield answering
        finally:
            answering.set()


async def made_impatient(machine: Machine) -> None:
    """The watchdog bites after two seconds, and a restart comes at once."""
    drop_in = "/etc/systemd/system/invoice-watcher.service.d/impatient.conf"
    await machine.type(f"cat > {drop_in}", typed="[Service]\nWatchdogSec=2s\nRestartSec=100ms\n")
    await machine.systemctl("daemon-reload")


async def pid(machine: Machine) -> str:
    return await machine.shows("MainPID")


async def test_it_starts_as_documented_with_its_credentials_and_without_rights(machine: Machine, site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.watch(SOURCE, "inv_1")
    site.write()
    shown = await machine.type(shell(SYSTEMD, "Start"))
    assert "Active: active (running)" in shown
    assert 'Status: "watching 1 sources"' in shown
    assert '"event":"service.started"' in shown
    await site.hears("inv_1", "tracked")
    status = await machine.type(f"cat /proc/{await pid(machine)}/status")
    kept = dict(re.findall(r"^(Uid|CapBnd|CapEff|NoNewPrivs|Seccomp):\s+(\S+)", status, re.MULTILINE))
    assert kept.pop("Uid") != "0"
    assert kept == {"CapBnd": "0" * 16, "CapEff": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
    process = await machine.type(f"cat /proc/{await pid(machine)}/environ /proc/{await pid(machine)}/cmdline")
    spoken = await machine.journal() + shown + process
    for secret in (site.sandbox.credentials["meteroid"]["api_key"], DEMO_SECRET.removeprefix("whsec_")):
        assert secret not in spoken
    credentials = [machine.config / "credentials", *(machine.config / "credentials").iterdir()]
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in credentials} == {"0o700", "0o600"}
    files = await machine.type("stat --format='%a %n' /var/lib/invoice-watcher/. /var/lib/invoice-watcher/*")
    assert {line.partition(" ")[0] for line in files.splitlines()} == {"700", "600"}, files


async def test_systemctl_reload_applies_what_changed_and_a_mistake_stops_nothing(machine: Machine, site: Site) -> None:
    for name in ("inv_1", "inv_2"):
        site.sandbox.ledger.create("meteroid", name, "EUR", 1000)
    site.watch(SOURCE, "inv_1")
    site.write()
    await machine.systemctl("start", UNIT)
    before = await pid(machine)
    site.watch(SOURCE, "inv_2")
    site.write()
    await machine.type("systemctl reload invoice-watcher")
    await site.hears("inv_2", "tracked")
    good = site.config.read_text()
    site.config.write_text(good + "\n[polling]\nevery = 1\n")
    await machine.systemctl("reload", UNIT)
    await machine.until_logged("config.refused")
    await machine.until_shown("SubState", "running")
    assert (await pid(machine), await machine.shows("ActiveState")) == (before, "active")


async def test_the_watchdog_ends_a_stuck_service_and_it_comes_back_with_nothing_lost(
    machine: Machine, site: Site
) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.watch(SOURCE, "inv_1")
    site.write()
    await made_impatient(machine)
    async with held_receiver(site) as answering:
        site.write()
        await machine.systemctl("start", UNIT)
        await until(lambda: site.receiver.deliveries, "a webhook is in flight")
        stuck = await pid(machine)
        await machine.run("kill", "-STOP", stuck)
        site.sandbox.ledger.pay(bill)
        await machine.until_shown("NRestarts", "1")
        answering.set()
        await machine.until_shown("SubState", "running")
        bodies = await site.hears("inv_1", "tracked", "paid")
        assert [body["data"]["sequence"] for body in bodies] == [1, 2]
        assert await pid(machine) != stuck
        first, again = site.receiver.deliveries[:2]
        assert (first.id, first.body) == (again.id, again.body)
    journal = await machine.journal()
    assert "Watchdog timeout (limit 2s)!" in journal
    assert "work.taken_back" in journal


async def test_the_watchdog_leaves_a_service_alone_whose_database_is_locked_for_a_while(
    machine: Machine, site: Site
) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.watch(SOURCE, "inv_1")
    site.write()
    await made_impatient(machine)
    await machine.systemctl("start", UNIT)
    await site.hears("inv_1", "tracked")
    before = await pid(machine)
    locking = (
        "import sqlite3, sys; held = sqlite3.connect('/var/lib/invoice-watcher/invoice-watcher.db');"
        "held.execute('BEGIN IMMEDIATE'); sys.stdin.read()"
    )
    async with machine.running("/usr/bin/python3", "-c", locking):
        site.sandbox.ledger.pay(bill)
        await machine.until_logged("is locked by another program")
    await site.hears("inv_1", "tracked", "paid")
    assert (await pid(machine), await machine.shows("NRestarts")) == (before, "0")


async def test_a_stopped_service_finishes_what_is_in_work(machine: Machine, site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.watch(SOURCE, "inv_1")
    async with held_receiver(site) as answering:
        site.write()
        await machine.systemctl("start", UNIT)
        await until(lambda: site.receiver.deliveries, "a webhook is in flight")
        await machine.systemctl("stop", "--no-block", UNIT)
        await machine.until_logged("service.stopping")
        assert await machine.shows("ActiveState") == "deactivating"
        answering.set()
        await machine.until_shown("ActiveState", "inactive")
    assert (await machine.shows("Result"), await machine.shows("ExecMainStatus")) == ("success", "0")
    [delivery] = await listed(machine, "deliveries")
    assert '"state":"delivered"' in delivery.replace(" ", "")
    assert len(site.receiver.deliveries) == 1


async def test_a_crash_is_started_anew_and_a_wrong_configuration_is_not(machine: Machine, site: Site) -> None:
    site.write()
    await made_impatient(machine)
    await machine.systemctl("start", UNIT)
    await machine.run("kill", "-KILL", await pid(machine))
    await machine.until_shown("NRestarts", "1")
    await machine.until_shown("SubState", "running")
    site.config.write_text(site.config.read_text() + "\n[polling]\nevery = 1\n")
    await machine.systemctl("restart", UNIT, code=1)
    assert (await machine.shows("ActiveState"), await machine.shows("ExecMainStatus")) == ("failed", "2")
    assert "polling" in await machine.journal()


async def listed(machine: Machine, *words: str) -> list[str]:
    return (await machine.program(*words, "--json")).out.splitlines()
