"""What the command line changes beside a running daemon is in force within five seconds."""

import json
import signal
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.acceptance.daemon import Site, until
from tests.acceptance.operating import operate_all

pytestmark = pytest.mark.timeout(150)

IN_FORCE_WITHIN = 5.0
SLOW_MACHINE = 10.0
WISHED = ("tags", "due_on", "note", "origins")


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_watches_added_imported_polled_and_removed_by_hand_are_in_force_at_once(site: Site) -> None:
    ledger = site.sandbox.ledger
    bills = [ledger.create("meteroid", f"inv_{number}", "EUR", 1000) for number in range(5)]
    site.source("meteroid")
    site.polling["every"] = "1h"
    site.watch("meteroid", "inv_0")
    (site.folder / "march.csv").write_text(
        "source,invoice_id,tags,due_on,note\nmeteroid,inv_2,a;b,,\nmeteroid,inv_3,,,n\n"
    )
    in_time = IN_FORCE_WITHIN + SLOW_MACHINE
    async with site.running():
        await site.hears("inv_0", "tracked")
        add = "watch add meteroid inv_1 --tag vip --due-on 2030-01-31 --note n1 --json"
        added, imported = await operate_all(site, add, "watch import march.csv --json")
        assert (added.code, json.loads(added.out)["done"]) == (0, "watched")
        assert (imported.code, json.loads(imported.out)["added"]) == (0, 2)
        await until(lambda: len(site.recorded()) == 4, "all are polled", within=in_time)

        for bill in bills:
            ledger.pay(bill)
        asked, gone, unknown, listed = await operate_all(
            site,
            "watch poll meteroid inv_1",
            "watch remove meteroid inv_2",
            "watch poll meteroid inv_4",
            "watch list --json",
        )
        assert (asked.code, gone.code, unknown.code) == (0, 0, 1)
        assert "inv_4 is not watched" in unknown.err
        await until(lambda: site.recorded("inv_1") == ["tracked", "paid"], "it is polled", within=in_time)
        assert {row["invoice_id"]: [row[key] for key in WISHED] for row in rows(listed.out)} == {
            "inv_0": [[], None, None, ["file"]],
            "inv_1": [["vip"], "2030-01-31", "n1", ["cli"]],
            "inv_3": [[], None, "n", ["cli"]],
        }
        assert (site.recorded("inv_0"), site.recorded("inv_2")) == (["tracked"], ["tracked"])


async def test_a_watch_with_both_origins_stops_with_the_last_and_a_file_is_named(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.sandbox.ledger.create("meteroid", "inv_2", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.watch("meteroid", "inv_2", tags=["x"])
    async with site.running() as daemon:
        await until(lambda: len(site.recorded()) == 2, "both are tracked")
        refused, purging, added, both, removed, again = await operate_all(
            site,
            "watch remove meteroid inv_1",
            "watch remove meteroid inv_1 --purge",
            "watch add meteroid inv_1",
            "watch list --json",
            "watch remove meteroid inv_1",
            "watch remove meteroid inv_1",
        )
        place = f"{site.folder / 'watchlists' / 'meteroid-0.toml'}:3: remove it there"
        assert [one.code for one in (refused, purging, added, removed, again)] == [1, 1, 0, 0, 1]
        assert all(place in one.err for one in (refused, purging, again)), (refused, purging, again)
        assert [row["origins"] for row in rows(both.out)] == [["file", "cli"], ["file"]]
        await operate_all(site, "watch add meteroid inv_1")
        (site.folder / "watchlists" / "meteroid-0.toml").unlink()
        daemon.signal(signal.SIGHUP)
        await until(lambda: daemon.has_logged("watchlists.applied", removed=1), "the file is gone")
        await site.polls_again("inv_1")
        await operate_all(site, "watch remove meteroid inv_1")
        await site.polls_again("inv_2")
        asked = len(site.asked("inv_1"))
        await site.polls_again("inv_2", times=3)
        assert len(site.asked("inv_1")) == asked
        assert site.recorded("inv_1") == ["tracked"]


async def test_purge_erases_what_was_said_and_readding_continues_the_sequence(site: Site) -> None:
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watcher["customer_names"] = True
    async with site.running():
        await operate_all(site, "watch add meteroid inv_1 --tag vip")
        await site.hears("inv_1", "tracked")
        ledger.pay(bill, 300)
        recorded = await site.hears("inv_1", "tracked", "partially_paid")
        number = recorded[0]["data"]["invoice"]["number"]
        purged, shown, raw, again = await operate_all(
            site,
            "watch remove meteroid inv_1 --purge --json",
            "show meteroid inv_1 --json",
            "show meteroid inv_1 --raw",
            f"redeliver --event {recorded[0]['data']['event_id']}",
        )
        assert [one.code for one in (purged, shown, raw, again)] == [0, 0, 1, 1]
        document = json.loads(shown.out)
        assert (document["invoice"], document["snapshots"]) == (None, [])
        assert [event["data"]["event_id"] for event in document["events"]] == [
            body["data"]["event_id"] for body in recorded
        ]
        with closing(sqlite3.connect(site.folder / "invoice-watcher.db")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            kept = "\n".join(database.iterdump())
        assert number not in kept
        assert number.encode().hex().upper() not in kept.upper()

        ledger.pay(bill)
        await operate_all(site, "watch add meteroid inv_1")
        await until(lambda: len(site.bodies("inv_1")) > 2, "it is watched again")
    later = site.bodies("inv_1")[2:]
    assert [body["data"]["sequence"] for body in later] == list(range(3, 3 + len(later)))
    assert later[0]["data"]["invoice"]["status"] == "paid"
    ids = [body["data"]["event_id"] for body in site.bodies("inv_1")]
    assert len(set(ids)) == len(ids)


async def test_watches_by_hand_of_a_removed_source_are_kept_orphaned_and_resume(site: Site) -> None:
    ledger = site.sandbox.ledger
    ledger.create("meteroid", "inv_1", "EUR", 1000)
    bill = ledger.create("dollr", "77", "USD", 1000)
    site.source("meteroid")
    site.source("dollr")
    site.watch("meteroid", "inv_1")
    async with site.running() as daemon:
        await operate_all(site, "watch add dollr 77")
        await site.hears("77", "tracked")
        dollr = site.sources.pop("dollr")
        site.write()
        daemon.signal(signal.SIGHUP)
        await until(lambda: daemon.has_logged("config.applied"), "the source is gone")
        ledger.pay(bill)
        listed, sources = await operate_all(site, "watch list --json", "sources --json")
        states = {row["invoice_id"]: (row["state"], row["next_poll_at"] is None) for row in rows(listed.out)}
        assert states == {"77": ("orphaned", True), "inv_1": ("active", False)}
        assert {row["name"]: row["state"] for row in rows(sources.out)} == {"dollr": "removed", "meteroid": "active"}
        asked = len(site.asked(provider="dollr"))
        await site.polls_again("inv_1", times=3)
        assert len(site.asked(provider="dollr")) == asked
        site.sources["dollr"] = dollr
        site.write()
        daemon.signal(signal.SIGHUP)
        await site.hears("77", "tracked", "paid")
