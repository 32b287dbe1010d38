"""Invoices that are not there: never, no more, or only seemingly."""

from dataclasses import replace

from tests.acceptance.bills import FAR, FAR_INSTANT, rapyd_id
from tests.acceptance.daemon import Site, until
from watcher.sandbox import Fault, FaultKind
from watcher.sandbox.traps import RapydTraps


async def test_an_invoice_is_deleted_after_three_misses_and_restored_where_it_comes_back(site: Site) -> None:
    ledger = site.sandbox.ledger
    bills = [
        ledger.create("meteroid", "inv_1", "EUR", 100, FAR),
        ledger.create("fragment", "gone", "EUR", 100),
        ledger.create("rapyd", rapyd_id(1), "EUR", 100, FAR_INSTANT),
        ledger.create("dollr", "1", "EUR", 100, FAR_INSTANT),
        ledger.create("chargeover", "1", "EUR", 100, FAR),
    ]
    for bill in bills:
        site.source(bill.provider)
        site.watch(bill.provider, bill.id)
    async with site.running():
        await until(lambda: site.recorded().count("tracked") == len(bills), "all are tracked")
        for bill in bills:
            ledger.delete(bill)
        await until(lambda: site.recorded().count("deleted") == len(bills), "all are deleted")
        for bill in bills:
            ledger.restore(bill)
        await until(lambda: site.recorded().count("restored") == len(bills), "all are back")

    assert site.recorded().count("updated") == 0
    for bill in bills:
        bodies = [body for body in site.bodies(bill.id) if body["data"]["source"] == bill.provider]
        assert [body["data"]["sequence"] for body in bodies] == [1, 2, 3]
        statuses = [body["data"]["invoice"]["status"] for body in bodies]
        assert statuses == ["open", "deleted", "open"]
        assert bodies[1]["data"]["invoice"]["amounts"][0]["due"].strip("0.") == ""
    path = f"/v1/invoices/{rapyd_id(1)}"
    assert len(site.asked(path)) >= 5


async def test_no_error_and_no_single_answer_makes_an_invoice_deleted(site: Site) -> None:
    """A 500 for what is missing, another's id, a short absence, and ids that were never there."""
    ledger, traps = site.sandbox.ledger, site.sandbox.traps
    hidden = ledger.create("meteroid", "inv_500", "EUR", 100, FAR)
    ledger.create("meteroid", "inv_other", "EUR", 100, FAR)
    ledger.create("rapyd", rapyd_id(1), "EUR", 100, FAR_INSTANT)
    site.polling |= {"confirm_deleted": "0s", "slowest": "1d", "fastest": "1s"}
    site.source("meteroid")
    site.source("rapyd")
    site.source("fragment")
    site.watch("meteroid", "inv_500", "inv_other")
    site.watch("rapyd", rapyd_id(1))
    site.watch("fragment", "never")
    async with site.running() as daemon:
        for bill_id in ("inv_500", "inv_other", rapyd_id(1)):
            await site.hears(bill_id, "tracked")
        traps.meteroid = replace(traps.meteroid, missing_is_500=True)
        traps.rapyd = RapydTraps(foreign_ids=frozenset({rapyd_id(1)}))
        ledger.delete(hidden)
        await until(lambda: len([one for one in daemon.logged if one.get("failures") == 4]) == 2, "both fail again")
        await site.polls_again("inv_other", 2)
        listed = {row["invoice_id"]: row for row in await site.command("watch", "list")}
        assert not daemon.has_logged("source.failed")
        traps.rapyd = RapydTraps()
        ledger.restore(hidden)
        ledger.pay(ledger.bill("rapyd", rapyd_id(1)))
        await site.command("watch", "poll", "rapyd", rapyd_id(1))
        await site.hears(rapyd_id(1), "tracked", "paid")

    assert site.recorded("inv_500") == ["tracked"]
    states = {one: row["state"] for one, row in listed.items()}
    assert states == {"inv_500": "failing", "inv_other": "active", rapyd_id(1): "failing", "never": "not_found"}
    assert site.recorded("never") == []
    assert len(site.asked("batch-get")) + len(site.asked("/invoices/never")) == 1


async def test_three_misses_do_not_delete_while_the_account_answers_nothing_else(site: Site) -> None:
    """Every id gives 404 and so does the list: a wrong base URL, not a purge."""
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 100, FAR)
    site.polling["confirm_deleted"] = "10ms"
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    async with site.running() as daemon:
        await site.hears("inv_1", "tracked")
        site.sandbox.ledger.delete(bill)
        site.sandbox.fail_next("meteroid", Fault(FaultKind.UNAUTHORIZED), times=3)
        await until(lambda: daemon.has_logged("source.failed"), "the account is given up")
        await site.hears("inv_1", "tracked", "deleted")
        assert [one for one in site.recorded() if one.startswith("source")] == [
            "source.failing",
            "source.recovered",
        ]
