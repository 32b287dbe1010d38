"""`discover = true`: whatever the provider lists is watched, without anybody writing an id."""

import json

import pytest

from tests.acceptance.bills import rapyd_id
from tests.acceptance.daemon import Site, until
from tests.acceptance.operating import operate_all
from watcher.sandbox import Bill, Fault, FaultKind
from watcher.sandbox.lives import DEMO_PROVIDERS

pytestmark = pytest.mark.timeout(150)


def bill(site: Site, provider: str, number: int) -> Bill:
    ids = {
        "meteroid": f"inv_{number}",
        "rapyd": rapyd_id(number),
        "fragment": f"order {number}",
        "stripe": f"in_{number}",
    }
    return site.sandbox.ledger.create(provider, ids.get(provider, str(number)), "EUR", 100_000)


@pytest.mark.parametrize("provider", [*DEMO_PROVIDERS, "stripe"])
async def test_invoices_appear_by_themselves_and_stay_watched_until_they_are_settled(site: Site, provider: str) -> None:
    ledger = site.sandbox.ledger
    first, settled = bill(site, provider, 1), bill(site, provider, 2)
    ledger.pay(settled)
    site.source(provider, discover=True)
    site.endpoint()
    async with site.running():
        await site.hears(first.id, "tracked")
        second = bill(site, provider, 3)
        await site.hears(second.id, "tracked")
        ledger.pay(first)
        (_, recorded) = await site.hears(first.id, "tracked", "paid")
        assert recorded["data"]["invoice"]["line_count"] == 1
        (listed,) = await operate_all(site, "watch list --json")
        watched = {row["invoice_id"]: row for row in map(json.loads, listed.out.splitlines())}
        assert set(watched) == {first.id, second.id}, "what was settled before is nobody's concern"
        assert {tuple(row["origins"]) for row in watched.values()} == {("discovered",)}
        assert {row["state"] for row in watched.values()} == {"active"}
        assert site.recorded(second.id) == ["tracked"]


async def test_what_is_removed_by_hand_is_not_discovered_again(site: Site) -> None:
    first, second = bill(site, "meteroid", 1), bill(site, "meteroid", 2)
    site.source("meteroid", discover=True)
    site.endpoint()
    async with site.running():
        await site.hears(first.id, "tracked")
        await site.hears(second.id, "tracked")
        (removed,) = await operate_all(site, f"watch remove meteroid {first.id}")
        assert removed.code == 0
        await site.polls_again("/invoices?page=0&per_page=100", times=3)
        site.sandbox.ledger.pay(first)
        site.sandbox.ledger.pay(second)
        await site.hears(second.id, "tracked", "paid")
        (listed,) = await operate_all(site, "watch list --json")
        assert [json.loads(line)["invoice_id"] for line in listed.out.splitlines()] == [second.id]
    assert site.recorded(first.id) == ["tracked"]


async def test_discover_counts_first_and_adds_when_it_is_asked_to(site: Site) -> None:
    for number in range(1, 251):
        bill(site, "rapyd", number)
    site.sandbox.ledger.pay(site.sandbox.ledger.bill("rapyd", rapyd_id(250)))
    site.source("rapyd")
    site.write()
    (counted,) = await site.command("watch", "discover", "rapyd", "--dry-run")
    assert counted == {"source": "rapyd", "listed": 250, "unsettled": 249, "new": 249, "dry_run": True}
    assert await site.command("watch", "list") == []
    (added,) = await site.command("watch", "discover", "rapyd")
    assert (added["new"], added["dry_run"]) == (249, False)
    (again,) = await site.command("watch", "discover", "rapyd", "--dry-run")
    assert (again["unsettled"], again["new"]) == (249, 0)
    assert len(await site.command("watch", "list")) == 249


async def test_a_list_that_fails_stops_no_poll_and_is_reported_in_words(site: Site) -> None:
    first = bill(site, "dollr", 1)
    site.source("dollr")
    site.endpoint()
    site.watch("dollr", first.id)
    site.write()
    site.sandbox.fail_next("dollr", Fault(FaultKind.HTML), times=4)
    (failed,) = await operate_all(site, "watch discover dollr")
    assert failed.code == 1
    assert "Traceback" not in failed.err
    site.sandbox.fail_no_more("dollr")
    async with site.running():
        await site.hears(first.id, "tracked")
        await until(lambda: bool(site.asked("/retrieve/1")), "it is polled by id")
