from datetime import date, timedelta
from typing import Any

from tests.integration.sandbox.caller import Caller, MovableClock
from watcher.sandbox import Sandbox
from watcher.sandbox.traps import LagoTraps

ID = "1a901a90-1a90-4a90-8a90-1a901a901a90"
ONE = f"/api/v1/invoices/{ID}"
LIST = "/api/v1/invoices"
DUE = date(2026, 12, 22)


async def _one(caller: Caller) -> dict[str, Any]:
    return (await caller.get("lago", ONE)).json["invoice"]


async def _amounts(caller: Caller) -> tuple[str, str, int, int, int]:
    one = await _one(caller)
    return (
        one["status"],
        one["payment_status"],
        one["total_due_amount_cents"],
        one["total_paid_amount_cents"],
        one["total_offsetted_credit_note_amount_cents"],
    )


async def test_payments_move_the_amounts_and_one_word(sandbox: Sandbox, caller: Caller) -> None:
    ledger = sandbox.ledger
    bill = ledger.create("lago", ID, "JPY", 10_000, DUE, draft=True)
    assert await _amounts(caller) == ("draft", "pending", 10_000, 0, 0)
    ledger.finalize(bill)
    ledger.pay(bill, 4_000)
    assert await _amounts(caller) == ("finalized", "pending", 6_000, 4_000, 0)
    ledger.fail_payment(bill)
    assert await _amounts(caller) == ("finalized", "failed", 6_000, 4_000, 0)
    ledger.credit(bill, 1_000)
    assert await _amounts(caller) == ("finalized", "failed", 5_000, 4_000, 1_000)
    ledger.pay(bill)
    ledger.refund(bill, 500)
    assert await _amounts(caller) == ("finalized", "succeeded", 0, 9_000, 1_000), "a refund is on its credit note"
    assert (await _one(caller))["payment_dispute_lost_at"] is None
    ledger.chargeback(bill, 500)
    assert await _amounts(caller) == ("finalized", "succeeded", 0, 9_000, 1_000)
    assert (await _one(caller))["payment_dispute_lost_at"] == "2026-11-22T10:00:00Z"


async def test_an_invoice_is_overdue_from_the_day_after_its_due_date(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.ledger.create("lago", ID, "EUR", 10_000, DUE)
    flags: list[bool] = []
    for period in (timedelta(0), timedelta(days=30), timedelta(days=1)):
        clock.advance(period)
        flags.append((await _one(caller))["payment_overdue"])
    assert flags == [False, False, True]
    one = await _one(caller)
    assert (one["issuing_date"], one["payment_due_date"], one["net_payment_term"]) == ("2026-11-22", "2026-12-22", 30)


async def test_without_a_term_it_is_due_at_once(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("lago", ID, "EUR", 10_000)
    one = await _one(caller)
    assert (one["payment_due_date"], one["net_payment_term"]) == (one["issuing_date"], 0)


async def test_an_older_server_tells_totals_only(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.traps.lago = LagoTraps(totals_only=True)
    sandbox.ledger.create("lago", ID, "EUR", 10_000)
    one = await _one(caller)
    assert one["total_amount_cents"] == 10_000
    assert not {"total_due_amount_cents", "total_paid_amount_cents"} & one.keys()


async def test_links_and_the_last_update_change_by_themselves(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.ledger.create("lago", ID, "EUR", 10_000, DUE)

    async def moved(period: timedelta) -> set[str]:
        before = await _one(caller)
        clock.advance(period)
        after = await _one(caller)
        return {key for key in before if before[key] != after[key]}

    assert await moved(timedelta(minutes=1)) == set()
    assert await moved(timedelta(hours=1)) == {"file_url"}
    sandbox.traps.lago = LagoTraps(restless=True)
    assert await moved(timedelta(seconds=1)) == {"file_url", "updated_at"}


async def test_pages_are_numbered_and_counted_and_their_rows_have_no_fees(sandbox: Sandbox, caller: Caller) -> None:
    for number in range(5):
        sandbox.ledger.create("lago", f"{number}a901a90-1a90-4a90-8a90-1a901a901a90", "EUR", 100)
    second = (await caller.get("lago", f"{LIST}?per_page=2&page=2")).json
    assert [row["lago_id"][0] for row in second["invoices"]] == ["2", "1"]
    assert second["meta"] == {
        "current_page": 2,
        "next_page": 3,
        "prev_page": 1,
        "total_pages": 3,
        "total_count": 5,
    }
    assert "fees" not in second["invoices"][0]
    assert (await caller.get("lago", f"{LIST}?per_page=2&page=3")).json["meta"]["next_page"] is None
    everything = (await caller.get("lago", f"{LIST}?per_page=0&page=x")).json
    assert len(everything["invoices"]) == 5


async def test_filters_may_be_repeated(sandbox: Sandbox, caller: Caller) -> None:
    ledger = sandbox.ledger
    ids = [f"{number}a901a90-1a90-4a90-8a90-1a901a901a90" for number in range(4)]
    bills = [ledger.create("lago", each, "EUR", 100, DUE, draft=each == ids[3]) for each in ids]
    ledger.pay(bills[1])
    ledger.fail_payment(bills[2])

    async def found(query: str) -> str:
        return "".join(row["lago_id"][0] for row in (await caller.get("lago", f"{LIST}?{query}")).json["invoices"])

    assert await found("payment_statuses[]=pending&payment_statuses[]=failed") == "320"
    assert await found("payment_status=succeeded") == "1"
    assert await found("statuses[]=draft") == "3"
    assert await found("currency=USD") == ""


async def test_a_draft_that_is_deleted_and_an_unknown_id_are_not_found(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.delete(sandbox.ledger.create("lago", ID, "EUR", 100, draft=True))
    answer = await caller.get("lago", ONE)
    assert (answer.status, answer.json) == (404, {"status": 404, "error": "Not Found", "code": "invoice_not_found"})
    assert (await caller.get("lago", "/api/v1/nothing")).json["code"] == "resource_not_found"


async def test_a_wrong_key_is_unauthorized(caller: Caller) -> None:
    for headers in ({}, {"Authorization": "Bearer other"}):
        answer = await caller.get("lago", LIST, headers)
        assert (answer.status, answer.json) == (401, {"status": 401, "error": "Unauthorized"})


async def test_every_answer_says_how_many_requests_are_left(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.traps.lago = LagoTraps(requests_per_second=2)
    answers = [await caller.get("lago", LIST) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert {(answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Reset"]) for answer in answers} == {
        ("2", "1")
    }
    assert "Retry-After" not in answers[2].headers
    clock.advance(timedelta(seconds=1))
    assert (await caller.get("lago", LIST)).status == 200
