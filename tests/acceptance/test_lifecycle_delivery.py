"""From an event to a subscriber that fails: the schedule, the lane, the end, and sending again."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.acceptance.daemon import Site, until
from tests.acceptance.operating import Done, operate_all
from watcher.sandbox import Receiver

pytestmark = pytest.mark.timeout(150)


def rows(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done
    return [json.loads(line) for line in done.out.splitlines()]


def sequences(receiver: Receiver, invoice_id: str) -> list[int]:
    recorded: list[dict[str, Any]] = [json.loads(one.body)["data"] for one in receiver.verified]
    return [body["sequence"] for body in recorded if body["invoice_id"] == invoice_id]


async def test_retries_keep_the_schedule_end_dead_and_can_be_sent_again_with_the_same_bytes(site: Site) -> None:
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 1000)
    ledger.create("meteroid", "inv_2", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.endpoint(retries=["0s", "400ms", "1s"])
    site.receiver.answer_next(500, times=3)
    async with site.running() as daemon:
        await until(lambda: daemon.has_logged("delivery.died"), "all attempts are used up")
        assert len(site.receiver.deliveries) == 3
        gaps = [later.arrived_at - earlier.arrived_at for earlier, later in pairwise(site.receiver.deliveries)]
        assert gaps[0] >= 0.4
        assert gaps[1] >= 1.0
        (dead,) = await operate_all(site, "deliveries --state dead --json")
        assert [(row["attempts"], row["last_status"], row["next_attempt_at"]) for row in rows(dead)] == [(3, 500, None)]
        ledger.pay(bill)
        await until(lambda: len(site.receiver.deliveries) == 4, "a dead one holds nobody back")

        event_id = rows(dead)[0]["event_id"]
        tried, listed, sent, unknown = await operate_all(
            site,
            f"redeliver --event {event_id} --dry-run --json",
            "deliveries --state dead --json",
            f"redeliver --event {event_id} --json",
            "redeliver --event evt_unknown",
        )
        assert (json.loads(tried.out), len(rows(listed))) == ({"deliveries": 1, "dry_run": True}, 1)
        assert json.loads(sent.out) == {"deliveries": 1, "dry_run": False}
        assert unknown.code == 1
        await until(lambda: len(site.receiver.deliveries) == 5, "it is sent again", within=15)
        (whole,) = await operate_all(site, "redeliver --invoice meteroid inv_1 --json")
        assert json.loads(whole.out)["deliveries"] == 2
        await until(lambda: len(site.receiver.deliveries) == 7, "both are sent again", within=15)
    arrived = site.receiver.deliveries
    assert all(delivery.verified for delivery in arrived)
    assert [delivery.type.removeprefix("invoice.") for delivery in arrived] == ["tracked"] * 3 + [
        "paid", "tracked", "tracked", "paid",
    ]  # fmt: skip
    assert len({delivery.body for delivery in arrived if delivery.id == event_id}) == 1


async def test_a_failing_invoice_holds_back_its_own_later_events_and_nobody_elses(site: Site) -> None:
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 1000)
    other = ledger.create("meteroid", "inv_2", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    async with Receiver() as away:
        url = away.url("/away")
    site.endpoint("away", url=url, retries=["0s", *["1s"] * 40])
    async with site.running() as daemon:
        await site.hears("inv_1", "tracked")
        await until(lambda: daemon.has_logged("delivery.attempted", endpoint="away"), "it was tried")
        ledger.pay(bill, 400)
        await site.hears("inv_1", "tracked", "partially_paid")
        ledger.pay(bill)
        await site.hears("inv_1", "tracked", "partially_paid", "paid")
        waiting, added = await operate_all(site, "deliveries --endpoint away --json", "watch add meteroid inv_2")
        assert added.code == 0
        assert [row["attempts"] > 0 for row in rows(waiting)] == [True, False, False]
        async with Receiver(port=int(url.split(":")[2].partition("/")[0])) as back:
            ledger.pay(other)
            await until(lambda: len(sequences(back, "inv_1")) >= 3, "all arrive")
            assert sequences(back, "inv_1") == [1, 2, 3]
            await until(lambda: len(sequences(back, "inv_2")) >= 1, "nobody else waits")


async def test_an_endpoint_that_asks_for_patience_or_hangs_slows_down_nobody_else(site: Site) -> None:
    bills = [site.sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1000) for number in range(6)]
    site.source("meteroid")
    site.watch("meteroid", *(bill.id for bill in bills))
    async with Receiver() as hanging:
        hanging.hang_next(1000)
        site.endpoint("hanging", url=hanging.url("/hanging"), concurrency=2)
        async with site.running() as daemon:
            await until(lambda: len(site.recorded()) == 6, "one hangs, the other hears")
            for bill in bills:
                site.sandbox.ledger.pay(bill)
            await until(lambda: len(site.recorded()) == 12, "still")
            assert len(hanging.deliveries) == 2
            daemon.process.kill()
            await daemon.ended()
    assert sorted(site.recorded()) == ["paid"] * 6 + ["tracked"] * 6


async def test_a_delivery_that_waits_is_listed_with_its_next_attempt_and_is_left_by_the_next_round(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.endpoint(retries=["0s", "1h"])
    site.receiver.answer_next(503)
    site.write()
    once, listed, again, endpoints = await operate_all(
        site, "run --once", "deliveries --json", "run --once", "endpoints list --json"
    )
    assert (once.code, again.code) == (1, 0)
    (row,) = rows(listed)
    assert (row["state"], row["attempts"], row["last_status"]) == ("pending", 1, 503)
    due_at = datetime.fromisoformat(row["next_attempt_at"])
    assert timedelta(minutes=50) < due_at - datetime.now(UTC) < timedelta(minutes=73)
    assert [(one["name"], one["waiting"]) for one in rows(endpoints)] == [("ledger", 1)]
    assert len(site.receiver.deliveries) == 1
