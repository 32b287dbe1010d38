"""What a running daemon learns, and what it shows an operator."""

import json
from typing import Any

from tests.acceptance.bills import FAR, LATE
from tests.acceptance.daemon import Site
from tests.acceptance.operating import operate_all


async def test_plan_and_explain_report_what_the_daemon_goes_by(site: Site) -> None:
    ledger = site.sandbox.ledger
    paid = ledger.create("meteroid", "inv_paid", "EUR", 100_000, FAR)
    for invoice_id, due_on in (("inv_late", LATE), ("inv_far", FAR)):
        ledger.create("meteroid", invoice_id, "EUR", 100_000, due_on)
    site.polling = {"policy": "adaptive", "every": "300ms", "weight": "amount"}
    site.source("meteroid")
    site.watch("meteroid", "inv_paid", "inv_late", "inv_far")
    async with site.running():
        await site.hears("inv_paid", "tracked")
        ledger.pay(paid)
        await site.hears("inv_paid", "tracked", "paid")
        await site.hears("inv_late", "tracked", "overdue")
        await site.polls_again("inv_late")
        plan, late, settled, words = await operate_all(
            site,
            "plan --json",
            "explain meteroid inv_late --json",
            "explain meteroid inv_paid --json",
            "explain meteroid inv_late",
        )
    _is_planned(json.loads(plan.out))
    _is_explained(json.loads(late.out))
    recorded = json.loads(settled.out)
    assert (recorded["status"], recorded["adaptive"]) == ("paid", None)
    assert 'The policy is "adaptive"' in words.out
    assert "Last poll" in words.out


def _is_planned(plan: dict[str, Any]) -> None:
    assert (plan["source"], plan["policy"], plan["weight"], plan["open_invoices"]) == (
        "meteroid",
        "adaptive",
        "amount",
        2,
    )
    assert plan["looks_per_day"] == 2 * 86_400 / 0.3
    assert plan["changes_learned"] == 1
    assert plan["measured_delay"]["changes"] == 1
    assert plan["expected_delay"] is not None
    assert plan["expected_delay_by_value"] is not None


def _is_explained(explained: dict[str, Any]) -> None:
    assert explained["status"] == "open"
    numbers = explained["adaptive"]
    assert numbers["stage"] == "after 90d"
    assert numbers["hazard_per_day"] > 0.01
    assert numbers["weight"] == 1
    assert numbers["kappa"] > 0
    assert explained["last_polled_at"] is not None
    assert explained["last_changed_at"] is not None
