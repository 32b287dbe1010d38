"""Files change under a running daemon: what comes into force, when, and what a mistake does."""

import base64
import json
import signal

import pytest

from tests.acceptance.daemon import Daemon, Site, until
from watcher.sandbox import Receiver

pytestmark = pytest.mark.timeout(150)

IN_FORCE_WITHIN = 7.0
"""Seen within 5 s, applied when it has stood still for 2 s."""
SLOW_MACHINE = 8.0


async def comes_into_force(daemon: Daemon, times: int) -> None:
    await until(
        lambda: [line["event"] for line in daemon.logged].count("config.applied") == times,
        f"reading {times} is in force",
        within=IN_FORCE_WITHIN + SLOW_MACHINE,
    )


async def watched(site: Site) -> dict[str, list[str]]:
    """Origins by invoice id."""
    return {row["invoice_id"]: row["origins"] for row in await site.command("watch", "list")}


async def test_lists_that_come_change_and_go_are_in_force_without_a_restart(site: Site) -> None:
    for number in range(4):
        site.sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_0", "inv_1")
    async with site.running() as daemon:
        lists = site.folder / "watchlists"
        await until(lambda: len(site.recorded()) == 2, "both are tracked")
        (lists / "more.toml").write_text('source = "meteroid"\ninvoices = ["inv_2"]\n')
        await comes_into_force(daemon, 1)
        await site.hears("inv_2", "tracked")

        first = lists / "meteroid-0.toml"
        first.write_text('\ufeffsource = "meteroid"\r\ninvoices = ["inv_0", "inv_3"]\r\ntags = ["vip"]\r\n')
        (lists / "more.toml").unlink()
        await comes_into_force(daemon, 2)
        assert daemon.has_logged("watchlists.applied", added=1, changed=1, removed=2)
        await site.hears("inv_3", "tracked")
        updated = (await site.hears("inv_0", "tracked", "updated"))[-1]["data"]
        assert (updated["reason"], updated["invoice"]["tags"]) == ("configuration", ["vip"])
        asked = len(site.asked("inv_1"))
        await site.polls_again("inv_0", times=4)
        assert len(site.asked("inv_1")) == asked
        assert await watched(site) == {"inv_0": ["file"], "inv_3": ["file"]}
        assert len((await site.command("show", "meteroid", "inv_1"))[0]["events"]) == 1

        first.write_text('source = "meteroid"\ninvoices = ["inv_0", "inv_1", "inv_3"]\n')
        site.sandbox.ledger.pay(site.sandbox.ledger.bill("meteroid", "inv_1"))
        await comes_into_force(daemon, 3)
        resumed = (await site.hears("inv_1", "tracked", "paid"))[-1]
        assert resumed["data"]["sequence"] == 2


async def test_a_bad_file_changes_nothing_names_every_mistake_and_a_correction_is_taken(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.sandbox.ledger.create("meteroid", "inv_2", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    async with site.running() as daemon:
        await site.hears("inv_1", "tracked")
        good = site.config.read_text()
        site.config.write_text(good.replace('"fixed"', '"fixt"').replace("[http]", "[htpp]"))
        broken = site.folder / "watchlists" / "broken.toml"
        broken.write_text('source = "meteroid"\ninvoices = ["inv_2", ".."]\n')
        await until(lambda: daemon.has_logged("config.refused"), "it is refused")
        problems = [line["problem"] for line in daemon.logged if line["event"] == "config.refused"]
        assert [problem.split(": ")[1] for problem in problems] == ["polling.policy", "htpp", "invoices[1]"], problems
        assert problems[2].startswith(f"{broken}:2: ")
        await site.polls_again("inv_1")
        assert site.asked("inv_2") == []

        site.config.write_text(good)
        broken.write_text('source = "meteroid"\ninvoices = ["inv_2"]\n')
        await comes_into_force(daemon, 1)
        await site.hears("inv_2", "tracked")


async def test_a_mass_removal_is_held_until_sighup(site: Site) -> None:
    ids = [f"inv_{number}" for number in range(12)]
    for one in ids:
        site.sandbox.ledger.create("meteroid", one, "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", *ids)
    async with site.running() as daemon:
        await until(lambda: len(site.recorded()) == 12, "all are tracked")
        (site.folder / "watchlists" / "meteroid-0.toml").write_text('source = "meteroid"\ninvoices = ["inv_0"]\n')
        await until(lambda: daemon.has_logged("watchlists.held"), "it is held")
        assert len(await watched(site)) == 12
        await site.polls_again("/invoices")
        daemon.signal(signal.SIGHUP)
        await until(lambda: daemon.has_logged("watchlists.applied", removed=11), "the operator confirmed it")
        assert await watched(site) == {"inv_0": ["file"]}


async def test_keys_that_need_a_restart_are_named_until_they_are_as_they_were(site: Site) -> None:
    site.source("meteroid")
    async with site.running() as daemon:
        good = site.config.read_text()
        moved = '[database]\nurl = "sqlite:///other.db"\n' + good.replace('listen = ""', 'listen = "127.0.0.1:8999"')

        async def named_after(text: str, times: int) -> list[str]:
            output = len(daemon.logged)
            site.config.write_text(text)
            daemon.signal(signal.SIGHUP)
            await comes_into_force(daemon, times)
            return [line["key"] for line in daemon.logged[output:] if line["event"] == "config.needs_restart"]

        assert await named_after(moved, 1) == ["database.url", "http.listen"]
        assert await named_after(f"{moved}\n", 2) == ["database.url", "http.listen"]
        assert await named_after(good, 3) == []
        assert not (site.folder / "other.db").exists()


async def test_what_waits_for_a_removed_endpoint_is_parked_and_goes_on_when_its_name_returns(site: Site) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    async with Receiver() as away:
        url = away.url("/away")
    site.endpoint("away", url=url, retries=["0s", *["1s"] * 49])
    async with site.running() as daemon:
        await site.hears("inv_1", "tracked")
        away_table = site.endpoints.pop("away")
        site.endpoint("newcomer")
        site.write()
        daemon.signal(signal.SIGHUP)
        await comes_into_force(daemon, 1)
        listed = {row["name"]: (row["state"], row["waiting"]) for row in await site.command("endpoints", "list")}
        assert listed == {"away": ("removed", 1), "ledger": ("active", 0), "newcomer": ("active", 0)}
        parked = await site.command("deliveries", "--state", "parked")
        assert [row["endpoint"] for row in parked] == ["away"]

        site.sandbox.ledger.pay(bill)
        await site.hears("inv_1", "paid", endpoint="newcomer")
        site.endpoints["away"] = away_table
        site.write()
        async with Receiver(port=int(url.split(":")[2].partition("/")[0])) as back:
            daemon.signal(signal.SIGHUP)
            await until(lambda: back.verified, "what was parked arrives")
            assert [delivery.type for delivery in back.verified] == ["invoice.tracked"]
    assert site.recorded("inv_1") == ["tracked", "paid"]


async def test_file_secrets_rotate_in_place_and_all_listed_ones_sign(site: Site) -> None:
    old, new = ("whsec_" + base64.b64encode(bytes([digit]) * 32).decode() for digit in (1, 2))
    (site.folder / "new").write_text(new)
    secret = site.folder / "secret"
    secret.write_text(old)
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    async with Receiver([old]) as knows_old, Receiver([new]) as knows_new:
        site.endpoint("both", url=knows_old.url("/both"), secrets=[{"file": "new"}, {"file": "secret"}])
        site.endpoint("rotating", url=knows_new.url("/rotating"), secrets=[{"file": "secret"}], retries=["0s", "1h"])
        async with site.running() as daemon:
            await until(lambda: knows_old.verified and knows_new.deliveries, "both endpoints were called")
            assert [one.verified for one in knows_new.deliveries] == [False]
            secret.write_text(f"{new}\n")
            await comes_into_force(daemon, 1)
            ledger.pay(bill)
            await site.command("redeliver", "--event", knows_old.deliveries[0].id)
            await until(lambda: len(knows_new.verified) == 2, "the new secret signs")
            assert knows_new.verified[0].body == knows_new.deliveries[0].body
            assert json.loads(knows_new.verified[1].body)["type"] == "invoice.paid"
            assert not any(shown[6:] in daemon.log.read_text() for shown in (old, new))
