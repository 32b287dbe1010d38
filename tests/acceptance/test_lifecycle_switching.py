"""An operator beside a running service: switching an endpoint off and on, and sending a range of events again."""

import json
import signal

import pytest

from tests.acceptance.daemon import Site, until
from tests.acceptance.operating import operate_all

pytestmark = pytest.mark.timeout(150)


async def test_an_endpoint_is_switched_off_and_on_beside_the_service(site: Site) -> None:
    ledger = site.sandbox.ledger
    bills = [ledger.create("meteroid", name, "EUR", 1000) for name in ("inv_1", "inv_2")]
    site.source("meteroid")
    site.watch("meteroid", "inv_1", "inv_2")
    site.endpoint("crm")
    site.endpoint("ledger", events=["invoice.*"])
    async with site.running():
        for name in ("ledger", "crm"):
            await site.hears("inv_1", "tracked", endpoint=name)
            await site.hears("inv_2", "tracked", endpoint=name)
        off, again = await operate_all(site, "endpoints disable ledger --json", "endpoints disable ledger --json")
        assert [json.loads(done.out)["changed"] for done in (off, again)] == [True, False]
        for bill in bills:
            ledger.pay(bill, 400)
            await site.hears(bill.id, "tracked", "partially_paid", endpoint="crm")
            ledger.pay(bill)
            await site.hears(bill.id, "tracked", "partially_paid", "paid", endpoint="crm")
        assert site.recorded() == ["tracked", "tracked"]
        (listed,) = [row for row in await site.command("endpoints", "list") if row["name"] == "ledger"]
        assert (listed["state"], listed["waiting"]) == ("disabled", 4)

        (on,) = await operate_all(site, "endpoints enable ledger")
        assert on.out == "ledger is enabled; 4 webhooks go out now, in order\n"
        for bill in bills:
            await site.hears(bill.id, "tracked", "partially_paid", "paid")
        await until(lambda: "endpoint.recovered" in site.recorded(endpoint="crm"), "the others are recorded")
    assert [kind for kind in site.recorded(endpoint="crm") if kind.startswith("endpoint.")] == [
        *("endpoint.disabled", "endpoint.recovered")
    ]


async def test_a_range_is_counted_and_then_sent_again_in_order_with_the_same_bytes(site: Site) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.endpoint("crm")
    async with site.running():
        await site.hears("inv_1", "tracked")
        site.sandbox.ledger.pay(bill, 400)
        await site.hears("inv_1", "tracked", "partially_paid")
        await site.hears("inv_1", "tracked", "partially_paid", endpoint="crm")
        first = {one.id: one.body for one in site.receiver.verified if one.path == "/ledger"}
        counted, nothing = await operate_all(
            site,
            "redeliver --endpoint ledger --since 1h --dry-run --json",
            "redeliver --endpoint ledger --since 2h --until 1h --json",
        )
        assert json.loads(counted.out) == {"deliveries": 2, "dry_run": True}
        assert json.loads(nothing.out) == {"deliveries": 0, "dry_run": False}
        assert len(site.receiver.deliveries) == 4
        (sent,) = await operate_all(site, "redeliver --endpoint ledger --since 1h --json")
        assert json.loads(sent.out) == {"deliveries": 2, "dry_run": False}
        await until(lambda: len(site.receiver.deliveries) >= 6, "it is sent again", within=15)
    repeats = site.receiver.deliveries[4:]
    assert {one.id: one.body for one in repeats} == first
    assert all(one.verified and one.duplicate and one.path == "/ledger" for one in repeats)
    assert [json.loads(one.body)["data"]["sequence"] for one in repeats] == [1, 2]


async def test_an_endpoint_that_came_late_is_sent_what_it_never_had(site: Site) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    async with site.running() as daemon:
        await site.hears("inv_1", "tracked")
        site.sandbox.ledger.pay(bill)
        await site.hears("inv_1", "tracked", "paid")
        site.endpoint("late", events=["invoice.*"], payload="thin")
        site.write()
        daemon.signal(signal.SIGHUP)
        await until(lambda: daemon.has_logged("config.applied"), "the new endpoint is known")
        (sent,) = await operate_all(site, "redeliver --endpoint late --since 1h --json")
        assert json.loads(sent.out)["deliveries"] == 2
        late = await site.hears("inv_1", "tracked", "paid", endpoint="late")
    assert [body["data"]["event_id"] for body in late] == [body["data"]["event_id"] for body in site.bodies("inv_1")]
    assert not any("invoice" in body["data"] for body in late)
    assert all("invoice" in body["data"] for body in site.bodies("inv_1"))
