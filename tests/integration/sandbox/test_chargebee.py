from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tests.integration.sandbox.caller import Caller, MovableClock, basic
from watcher.sandbox import Bill, Sandbox
from watcher.sandbox.traps import ChargebeeTraps

ONE = "/invoices/INV-1"
LIST = "/invoices"
DUE = datetime(2026, 12, 22, 10, tzinfo=UTC)


async def _one(caller: Caller) -> dict[str, Any]:
    return (await caller.get("chargebee", ONE)).json["invoice"]


async def _amounts(caller: Caller) -> tuple[str, int, int, int, int]:
    one = await _one(caller)
    return one["status"], one["amount_due"], one["amount_paid"], one["credits_applied"], one["write_off_amount"]


async def _ids(caller: Caller, query: str = "") -> list[str]:
    body = (await caller.get("chargebee", f"{LIST}?{query}")).json
    return [row["invoice"]["id"] for row in body["list"]]


async def test_payments_move_the_amounts_and_the_status(sandbox: Sandbox, caller: Caller) -> None:
    ledger = sandbox.ledger
    bill = ledger.create("chargebee", "INV-1", "JPY", 10_000, DUE, draft=True)
    assert await _amounts(caller) == ("pending", 10_000, 0, 0, 0)
    ledger.finalize(bill)
    ledger.pay(bill, 4_000)
    assert await _amounts(caller) == ("posted", 6_000, 4_000, 0, 0)
    ledger.fail_payment(bill)
    assert await _amounts(caller) == ("payment_due", 6_000, 4_000, 0, 0)
    ledger.credit(bill, 1_000)
    ledger.pay(bill)
    assert await _amounts(caller) == ("paid", 0, 9_000, 1_000, 0)
    ledger.refund(bill, 500)
    (note,) = (await _one(caller))["issued_credit_notes"]
    assert (note["cn_status"], note["cn_total"]) == ("refunded", 500)
    assert await _amounts(caller) == ("paid", 0, 9_000, 1_000, 0)


async def test_three_failures_end_dunning(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("chargebee", "INV-1", "EUR", 10_000, DUE)
    words: list[tuple[object, object, bool]] = []
    for _ in range(4):
        one = await _one(caller)
        words.append((one["status"], one.get("dunning_status"), "next_retry_at" in one))
        sandbox.ledger.fail_payment(bill)
    assert words == [
        ("posted", None, False),
        ("payment_due", "in_progress", True),
        ("payment_due", "in_progress", True),
        ("not_paid", "exhausted", False),
    ]


async def test_a_debit_that_bounces_is_due_again(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("chargebee", "INV-1", "EUR", 10_000, DUE)
    sandbox.ledger.start_payment(bill)
    assert (await _one(caller))["linked_payments"][0]["txn_status"] == "in_progress"
    sandbox.ledger.pay(bill)
    assert "paid_at" in await _one(caller)
    sandbox.ledger.chargeback(bill, 10_000)
    assert await _amounts(caller) == ("posted", 10_000, 0, 0, 0)
    one = await _one(caller)
    assert (one["linked_payments"][0]["txn_status"], "paid_at" in one) == ("late_failure", False)


async def test_a_write_off_closes_the_invoice_as_paid(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("chargebee", "INV-1", "EUR", 10_000, DUE)
    sandbox.ledger.pay(bill, 2_000)
    sandbox.ledger.write_off(bill)
    assert await _amounts(caller) == ("paid", 0, 2_000, 0, 8_000)


async def test_an_open_invoice_is_payment_due_from_its_due_date_on(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.ledger.create("chargebee", "INV-1", "EUR", 10_000, DUE)
    one = await _one(caller)
    assert (one["status"], one["due_date"], one["net_term_days"]) == ("posted", int(DUE.timestamp()), 30)
    clock.advance(timedelta(days=30))
    assert (await _one(caller))["status"] == "payment_due"


async def test_filters_and_orders(sandbox: Sandbox, caller: Caller, clock: MovableClock) -> None:
    ledger = sandbox.ledger
    bills: dict[int, Bill] = {}
    for number in (1, 2, 3):
        bills[number] = ledger.create("chargebee", f"INV-{number}", "EUR", 100, DUE, draft=number == 3)
        clock.advance(timedelta(seconds=10))
    ledger.pay(bills[1])
    created = int(bills[1].created_at.timestamp())
    assert await _ids(caller) == ["INV-3", "INV-2", "INV-1"]
    assert await _ids(caller, "sort_by[asc]=updated_at") == ["INV-2", "INV-3", "INV-1"]
    assert await _ids(caller, f"updated_at[after]={created + 10}") == ["INV-3", "INV-1"], "it is later, not the same"
    assert await _ids(caller, "id[in]=" + quote('["INV-1","INV-2","INV-9"]')) == ["INV-2", "INV-1"]
    assert await _ids(caller, "status[in]=[posted,pending]") == ["INV-3", "INV-2"]
    assert await _ids(caller, "status[is]=paid") == ["INV-1"]
    ledger.delete(bills[2])
    assert await _ids(caller) == ["INV-3", "INV-1"]
    assert await _ids(caller, "include_deleted=true") == ["INV-3", "INV-2", "INV-1"]


async def test_pages_go_on_at_the_offset_that_the_server_gave(sandbox: Sandbox, caller: Caller) -> None:
    for number in range(5):
        sandbox.ledger.create("chargebee", f"INV-{number}", "EUR", 100)
    first = (await caller.get("chargebee", f"{LIST}?limit=3")).json
    second = (await caller.get("chargebee", f"{LIST}?limit=3&offset={quote(first['next_offset'])}")).json
    assert [row["invoice"]["id"] for row in first["list"] + second["list"]] == [f"INV-{n}" for n in (4, 3, 2, 1, 0)]
    assert "next_offset" not in second


async def test_a_wrong_query_is_refused_by_name(caller: Caller) -> None:
    for query, name in (
        ("limit=101", "limit"),
        ("offset=7", "offset"),
        ("changed=1", "changed"),
        ("updated_at[after]=yesterday", "updated_at[after]"),
        ("sort_by[asc]=total", "sort_by[asc]"),
    ):
        answer = await caller.get("chargebee", f"{LIST}?{query}")
        assert (answer.status, answer.json["type"], answer.json["param"]) == (400, "invalid_request", name)


async def test_a_missing_invoice_and_a_missing_path_are_told_apart(caller: Caller) -> None:
    missing = (await caller.get("chargebee", ONE)).json
    assert (missing["api_error_code"], missing["http_status_code"]) == ("resource_not_found", 404)
    assert (await caller.get("chargebee", "/nothing")).json["api_error_code"] != "resource_not_found"


async def test_the_key_is_the_user_and_the_password_is_empty(sandbox: Sandbox, caller: Caller) -> None:
    key = sandbox.credentials["chargebee"]["api_key"]
    assert (await caller.get("chargebee", LIST, basic(key, ""))).status == 200
    for headers in ({}, basic("other", ""), basic(key, "password"), {"Authorization": f"Bearer {key}"}):
        answer = await caller.get("chargebee", LIST, headers)
        assert (answer.status, answer.json["api_error_code"]) == (401, "api_authentication_failed")


async def test_the_last_update_may_change_by_itself(sandbox: Sandbox, caller: Caller, clock: MovableClock) -> None:
    sandbox.ledger.create("chargebee", "INV-1", "EUR", 10_000, DUE)

    async def moved() -> set[str]:
        before = await _one(caller)
        clock.advance(timedelta(seconds=1))
        after = await _one(caller)
        return {key for key in before if before[key] != after[key]}

    assert await moved() == set()
    sandbox.traps.chargebee = ChargebeeTraps(restless=True)
    assert await moved() == {"updated_at", "resource_version"}


async def test_more_requests_a_minute_than_allowed_are_429_until_the_minute_ends(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.traps.chargebee = ChargebeeTraps(requests_per_minute=2)
    answers = [await caller.get("chargebee", LIST) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].json["api_error_code"] == "api_request_limit_exceeded"
    clock.advance(timedelta(seconds=int(answers[2].headers["Retry-After"])))
    assert (await caller.get("chargebee", LIST)).status == 200
