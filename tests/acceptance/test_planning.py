"""What a running daemon learns, and what an operator is told of it beside the daemon."""

from typing import Any

from tests.acceptance.bills import FAR, LATE
from tests.acceptance.daemon import Site
from tests.acceptance.operating import operate


async def test_plan_and_explain_tell_what_the_daemon_goes_by(site: Site) -> None:
    ledger = site.sandbox.ledger
    bills = [ledger.create("meteroid", f"inv_{number}", "EUR", 100_000, LATE) for number in range(3)]
    ledger.create("meteroid", "inv_far", "EUR", 100_000, FAR)
    site.polling = {"policy": "adaptive", "every": "300ms", "weight": "amount"}
    site.source("meteroid")
    site.watch("meteroid", "inv_0", "inv_1", "inv_2", "inv_far")
    async with site.running():
        for bill in bills:
            await site.hears(bill.id, "tracked", "overdue")
        await site.looks_again("inv_far")
        ledger.pay(bills[0])
        await site.hears("inv_0", "tracked", "overdue", "paid", "overdue_cleared")
        (plan,) = await site.command("plan")
        (explained,) = await site.command("explain", "meteroid", "inv_1")
        (settled,) = await site.command("explain", "meteroid", "inv_0")
    _is_planned(plan)
    _is_explained(explained)
    assert (settled["status"], settled["adaptive"]) == ("paid", None)
    words = await operate(site, "explain", "meteroid", "inv_1")
    assert 'The policy is "adaptive"' in words.out or "waits for its turn" in words.out
    assert "Last look" in words.out


def _is_planned(plan: dict[str, Any]) -> None:
    assert (plan["source"], plan["policy"], plan["weight"], plan["open_invoices"]) == (
        "meteroid",
        "adaptive",
        "amount",
        3,
    )
    assert plan["looks_per_day"] == 3 * 10 * 86_400 / 3
    assert plan["changes_learned"] == 1
    assert plan["measured_delay"]["changes"] == 1
    assert plan["expected_delay"] is not None


def _is_explained(explained: dict[str, Any]) -> None:
    assert explained["status"] == "open"
    numbers = explained["adaptive"]
    assert numbers["stage"] == "after 90d"
    assert numbers["hazard_per_day"] > 0.01
    assert numbers["weight"] == 1
    assert numbers["kappa"] > 0
    assert explained["last_polled_at"] is not None
    assert explained["last_changed_at"] is not None
