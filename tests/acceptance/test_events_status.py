"""Every state of every provider as a snapshot, through the whole program."""

import json
from dataclasses import replace
from typing import Any

from tests.acceptance.bills import EVERY_CASE, Case, create, rapyd_id
from tests.acceptance.daemon import Site
from watcher.sandbox import Sandbox
from watcher.sandbox.traps import (
    OLD_METEROID,
    ChargeOverTraps,
    DollrTraps,
    FragmentTraps,
    Generation,
    RapydDeletion,
    RapydTraps,
)

PARTS = ("total", "paid", "due", "credited", "refunded", "written_off")


def output(snapshot: dict[str, Any]) -> dict[str, object]:
    (row,) = snapshot["amounts"]
    return {
        "status": snapshot["status"],
        "provider_status": snapshot["provider_status"],
        "amounts": f"{row['currency']} " + " ".join(row[part] for part in PARTS),
        "direction": snapshot["direction"],
        "payment_pending": snapshot["payment_pending"],
        "failed_attempts": snapshot["failed_attempts"],
        "last_payment_error": snapshot["last_payment_error"],
        "overdue": snapshot["overdue"],
    }


def owed(case: Case) -> dict[str, object]:
    return {
        "status": case.status,
        "provider_status": case.provider_status,
        "amounts": f"EUR {case.amounts}",
        "direction": "payable" if case.payable else "receivable",
        "payment_pending": case.pending,
        "failed_attempts": case.failed,
        "last_payment_error": case.error,
        "overdue": case.overdue,
    }


def prepare(sandbox: Sandbox) -> None:
    sandbox.traps.meteroid = replace(sandbox.traps.meteroid, closed=frozenset({"inv_closed", "inv_closedpaid"}))
    sandbox.traps.rapyd = RapydTraps(deletion=RapydDeletion.CANCELED)
    for case in EVERY_CASE:
        create(sandbox.ledger, case)


def watch_everything(site: Site) -> None:
    site.watcher["customer_names"] = False
    for provider in site.sandbox.base_urls:
        site.source(provider)
        site.watch(provider, *(case.id for case in EVERY_CASE if case.provider == provider))


async def test_every_state_of_every_provider_becomes_the_snapshot_that_the_contract_names(site: Site) -> None:
    prepare(site.sandbox)
    watch_everything(site)
    site.write()

    await site.command("run", "--once")

    shown = {(one["source"], one["id"]): one for one in await site.command("invoices")}
    assert {key: output(one) for key, one in shown.items()} == {
        (case.provider, case.id): owed(case) for case in EVERY_CASE
    }
    text = json.dumps([json.loads(delivery.body) for delivery in site.receiver.verified])
    for personal in (
        "jane.doe",
        "4242424242",
        "231770000000",
        "Jane Doe",
        "Sandbox Street",
        "buyer.example",
        "paylink",
    ):
        assert personal not in text
    paid = shown["rapyd", rapyd_id(6)]
    assert (paid["number"], paid["issued_on"], paid["url"]) == (None, None, None)
    assert paid["paid_at"] is not None
    assert paid["customer"]["id"].startswith("cus_")
    assert shown["dollr", "2"]["due_at"] == "2036-01-31T12:00:00Z"
    assert shown["meteroid", "inv_open"]["due_at"] == "2036-02-01T00:00:00Z"
    assert shown["chargeover", "1"]["due_at"] == "2036-02-01T06:00:00Z"
    assert shown["chargeover", "4"]["paid_at"] is None
    assert shown["chargeover", "4"]["url"] == "https://sandbox.chargeover.example/admin/r/invoice/view/4"
    assert shown["rapyd", rapyd_id(2)]["due_at"] is None
    assert shown["fragment", "paid"]["due_on"] is None


async def test_another_spelling_or_deployment_of_a_provider_is_no_change(site: Site) -> None:
    prepare(site.sandbox)
    watch_everything(site)
    site.write()
    await site.command("run", "--once")
    before = len(site.bodies())

    site.sandbox.traps.meteroid = replace(OLD_METEROID, closed=site.sandbox.traps.meteroid.closed)
    site.sandbox.traps.fragment = FragmentTraps(generation=Generation.G2, batch_get_absent=True)
    site.sandbox.traps.dollr = DollrTraps(whole_totals=True, naive_times=True)
    site.sandbox.traps.rapyd = replace(site.sandbox.traps.rapyd, float_noise=True)
    site.sandbox.traps.chargeover = ChargeOverTraps(naive_times=True, empty_details_as_list=True, float_noise=True)
    await site.command("run", "--once")

    recorded = [(body["type"], body["data"]["invoice_id"]) for body in site.bodies()[before:]]
    # An old server shows refunds in the amount due alone.
    assert recorded == [("invoice.payment_reversed", "inv_refunded"), ("invoice.updated", "inv_refunded")]
