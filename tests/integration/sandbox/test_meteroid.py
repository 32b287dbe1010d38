import dataclasses
from datetime import date

import pytest

from tests.integration.sandbox import seed_fields
from tests.integration.sandbox.caller import Caller
from watcher.sandbox import Sandbox
from watcher.sandbox.traps import OLD_METEROID, SELF_HOSTED_METEROID, MeteroidTraps

ONE = "/api/v1/invoices/inv_1"
LIST = "/api/v1/invoices"


async def _words(caller: Caller) -> tuple[str, str, int]:
    invoice = (await caller.get("meteroid", ONE)).json
    return invoice["status"], invoice["payment_status"], invoice["amount_due"]


async def test_an_invoice_has_every_documented_field(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("meteroid", "inv_1", "EUR", 10_000, date(2026, 12, 1))
    sandbox.ledger.fail_payment(bill)
    sandbox.traps.meteroid = MeteroidTraps(pascal_case=True, cloud_fields=True)
    invoice = (await caller.get("meteroid", ONE)).json
    assert set(seed_fields.paths(invoice)) >= seed_fields.METEROID
    assert (invoice["due_date"], invoice["total"]) == ("2026-12-01", 10_000)


async def test_payments_move_the_payment_status_and_a_failure_hides_a_partial_payment(
    sandbox: Sandbox, caller: Caller
) -> None:
    ledger = sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 10_000, draft=True)
    assert await _words(caller) == ("DRAFT", "UNPAID", 10_000)
    ledger.finalize(bill)
    assert await _words(caller) == ("FINALIZED", "UNPAID", 10_000)
    ledger.pay(bill, 4_000)
    assert await _words(caller) == ("FINALIZED", "PARTIALLY_PAID", 6_000)
    ledger.start_payment(bill)
    assert await _words(caller) == ("FINALIZED", "PROCESSING", 6_000)
    ledger.fail_payment(bill)
    assert await _words(caller) == ("FINALIZED", "ERRORED", 6_000)
    ledger.pay(bill)
    assert await _words(caller) == ("FINALIZED", "PAID", 0)


@pytest.mark.parametrize(("act", "word"), [("void", "VOID"), ("write_off", "UNCOLLECTIBLE")])
async def test_void_and_write_off_leave_the_amounts(sandbox: Sandbox, caller: Caller, act: str, word: str) -> None:
    bill = sandbox.ledger.create("meteroid", "inv_1", "EUR", 10_000)
    getattr(sandbox.ledger, act)(bill)
    assert await _words(caller) == (word, "UNPAID", 10_000)


async def test_the_hosted_service_distinguishes_refunds_and_reversals(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("meteroid", "inv_1", "EUR", 10_000)
    sandbox.ledger.pay(bill)
    sandbox.ledger.refund(bill, 1_000)
    assert await _words(caller) == ("FINALIZED", "PAID", 0)
    sandbox.ledger.chargeback(bill, 2_000)
    assert await _words(caller) == ("FINALIZED", "PARTIALLY_PAID", 2_000)
    invoice = (await caller.get("meteroid", ONE)).json
    (payment,) = invoice["transactions"]
    assert (payment["amount_refunded"], payment["amount_reversed"]) == (1_000, 2_000)
    assert (payment["reversal_kind"], invoice["paid_at"]) == ("CHARGEBACK", None)


async def test_a_self_hosted_reversal_moves_amount_due_and_payment_status_alone(
    sandbox: Sandbox, caller: Caller
) -> None:
    sandbox.traps.meteroid = SELF_HOSTED_METEROID
    bill = sandbox.ledger.create("meteroid", "inv_1", "EUR", 10_000)
    sandbox.ledger.pay(bill)
    before = (await caller.get("meteroid", ONE)).json
    sandbox.ledger.chargeback(bill, 2_500)
    after = (await caller.get("meteroid", ONE)).json
    moved = {key for key in before if before[key] != after[key]}
    assert moved == {"amount_due", "payment_status", "paid_at"}
    assert (after["payment_status"], after["amount_due"]) == ("PARTIALLY_PAID", 2_500)


async def test_a_self_hosted_server_speaks_naive_times_and_no_cloud_fields(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("meteroid", "inv_1", "EUR", 10_000)
    assert (await caller.get("meteroid", ONE)).json["created_at"].endswith("Z")
    sandbox.traps.meteroid = SELF_HOSTED_METEROID
    invoice = (await caller.get("meteroid", ONE)).json
    assert invoice["created_at"] == "2026-11-22T10:00:00"
    assert not {"tax_inclusive", "custom_properties"} & invoice.keys()


async def test_an_old_server_spells_words_in_pascal_case_also_in_the_filter(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("meteroid", "inv_1", "EUR", 10_000)
    sandbox.ledger.pay(bill, 1)
    sandbox.traps.meteroid = OLD_METEROID
    assert (await _words(caller))[:2] == ("Finalized", "PartiallyPaid")
    assert len((await caller.get("meteroid", f"{LIST}?statuses=Finalized")).json["data"]) == 1
    refused = await caller.get("meteroid", f"{LIST}?statuses=FINALIZED")
    assert (refused.status, refused.text[:12]) == (400, "Failed to de")


async def test_a_missing_invoice_is_404_or_by_switch_500_and_a_bad_id_is_plain_text(
    sandbox: Sandbox, caller: Caller
) -> None:
    missing = await caller.get("meteroid", ONE)
    assert (missing.status, missing.json["code"]) == (404, "NOT_FOUND")
    sandbox.traps.meteroid = dataclasses.replace(sandbox.traps.meteroid, missing_is_500=True)
    missing = await caller.get("meteroid", ONE)
    assert (missing.status, missing.json["code"]) == (500, "INTERNAL_SERVER_ERROR")
    bad = await caller.get("meteroid", "/api/v1/invoices/42")
    assert (bad.status, bad.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")


async def test_pages_count_from_zero_and_without_per_page_hold_25_while_telling_10(
    sandbox: Sandbox, caller: Caller
) -> None:
    for number in range(30):
        sandbox.ledger.create("meteroid", f"inv_{number:02}", "EUR", 100)
    unsaid = (await caller.get("meteroid", LIST)).json
    assert len(unsaid["data"]) == 25
    assert unsaid["pagination_meta"] == {"page": 0, "per_page": 10, "total_items": 30, "total_pages": 2}
    page = (await caller.get("meteroid", f"{LIST}?page=1&per_page=20")).json
    assert [row["id"] for row in page["data"]] == [f"inv_{number:02}" for number in range(9, -1, -1)]
    for query in ("per_page=101", "per_page=0", "page=-1", "page=x"):
        assert (await caller.get("meteroid", f"{LIST}?{query}")).status == 400


async def test_a_consolidated_child_is_off_the_list_but_readable_as_a_draft(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("meteroid", "inv_1", "EUR", 10_000)
    sandbox.ledger.credit(bill, 500)
    sandbox.ledger.consolidate(bill)
    assert (await caller.get("meteroid", LIST)).json["data"] == []
    invoice = (await caller.get("meteroid", ONE)).json
    assert (invoice["status"], invoice["applied_credits"]) == ("DRAFT", 0)
    listed = await caller.get("meteroid", f"{LIST}?subscription_id={invoice['subscription_id']}")
    assert [row["id"] for row in listed.json["data"]] == ["inv_1"]


async def test_a_closed_invoice_bears_the_undocumented_word(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("meteroid", "inv_1", "EUR", 10_000)
    sandbox.traps.meteroid = MeteroidTraps(closed=frozenset({"inv_1"}))
    assert (await _words(caller))[0] == "CLOSED"


async def test_each_wrong_key_has_its_own_refusal(sandbox: Sandbox, caller: Caller) -> None:
    key = sandbox.credentials["meteroid"]["api_key"]
    account = key.partition("/")[2]
    refusals = {
        "": "Invalid or missing Authorization header",
        f"bearer {key}": "Invalid or missing Authorization header",
        "Bearer nonsense": "Invalid API key format",
        "Bearer pv_sand_x/other": "Failed to resolve api key",
        f"Bearer pv_sand_wrong/{account}": "Unauthorized. Invalid hash",
    }
    for header, message in refusals.items():
        answer = await caller.get("meteroid", ONE, {"Authorization": header} if header else {})
        assert (answer.status, answer.json) == (401, {"code": "UNAUTHORIZED", "message": message})
