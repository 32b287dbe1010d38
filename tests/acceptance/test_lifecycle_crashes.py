"""Killed at any moment: nothing is lost, and what comes twice is the same to the byte."""

import random
import signal
from collections import defaultdict

import anyio
import pytest

from tests.acceptance.daemon import ALIVE_AFTER, Body, Site, until
from tests.acceptance.operating import operate, started
from watcher.sandbox import Ledger

pytestmark = pytest.mark.timeout(300)

KILLS = 10
INVOICES = [f"inv_{number}" for number in range(12)]
LONGEST_LIFE = 0.6
"""Seconds after the first request of a daemon: a round of work takes less, so that it is cut anywhere."""


def live_on(ledger: Ledger, dice: random.Random) -> None:
    """Something happens to a few invoices."""
    for invoice_id in dice.sample(INVOICES, 4):
        bill = ledger.bill("meteroid", invoice_id)
        if bill.owed:
            ledger.pay(bill, dice.randint(1, bill.owed))
        else:
            ledger.chargeback(bill, dice.randint(1, bill.settled - bill.reversed))


def statuses(site: Site) -> dict[str, str]:
    """What the newest event of each invoice says."""
    return {
        invoice_id: site.bodies(invoice_id)[-1]["data"]["invoice"]["amounts"][0]["paid"]
        for invoice_id in INVOICES
        if site.bodies(invoice_id)
    }


@pytest.mark.parametrize("seed", [1, 2])
async def test_ten_kills_lose_no_event_change_no_byte_and_keep_the_order_of_each_invoice(site: Site, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 -- a reproducible life, no secret
    for invoice_id in INVOICES:
        site.sandbox.ledger.create("meteroid", invoice_id, "EUR", 100_000)
    site.source("meteroid", rate="100/s")
    site.polling["every"] = "100ms"
    site.watch("meteroid", *INVOICES)
    site.write()
    for _ in range(KILLS):
        asked = len(site.sandbox.requests)
        live_on(site.sandbox.ledger, dice)
        async with started(site) as daemon:
            await until(lambda before=asked: len(site.sandbox.requests) > before, "it works again")
            await anyio.sleep(dice.uniform(0, LONGEST_LIFE))
            await daemon.kill()
    paid = {one: site.sandbox.ledger.bill("meteroid", one) for one in INVOICES}
    wanted = {one: f"{(bill.settled - bill.reversed) / 100:.2f}" for one, bill in paid.items()}
    async with site.running():
        await until(lambda: statuses(site) == wanted, "everything that was decided is told", within=120)
        events = await site.command("events")
        await until(lambda: {one.id for one in site.receiver.verified} == {ids(one) for one in events}, "all arrived")
    assert all(delivery.verified for delivery in site.receiver.deliveries)
    bytes_of: defaultdict[str, set[bytes]] = defaultdict(set)
    for delivery in site.receiver.deliveries:
        bytes_of[delivery.id].add(delivery.body)
    assert {len(bodies) for bodies in bytes_of.values()} == {1}
    for invoice_id in INVOICES:
        sequences = [body["data"]["sequence"] for body in site.bodies(invoice_id)]
        assert sequences == list(range(1, len(sequences) + 1)), invoice_id


def ids(event: Body) -> str:
    return event["data"]["event_id"]


async def test_a_second_run_on_the_same_file_names_the_first_and_a_dead_one_holds_nothing(site: Site) -> None:
    site.source("meteroid")
    site.write()
    async with started(site) as first:
        await until(lambda: first.has_logged(ALIVE_AFTER), "it runs")
        second, once = await operate(site, "run"), await operate(site, "run", "--once")
        assert (second.code, once.code) == (1, 1)
        for refused in (second, once):
            assert refused.out == ""
            assert refused.err.startswith("error: ")
            assert f"(pid {first.process.pid})" in refused.err
        await first.kill()
    assert (await operate(site, "run", "--once")).code == 0


async def test_a_kill_while_a_webhook_is_in_flight_sends_the_same_bytes_again(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.endpoint(timeout="10m")
    site.receiver.hang_next()
    async with site.running() as daemon:
        await until(lambda: site.receiver.deliveries, "it is in flight")
        daemon.signal(signal.SIGKILL)
        await daemon.ended()
    async with site.running():
        await until(lambda: len(site.receiver.deliveries) == 2, "it is sent again, and not only when its lease ends")
    first, second = site.receiver.deliveries
    assert (first.id, first.body) == (second.id, second.body)
