from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest

from tests.integration.sandbox import seed_fields
from tests.integration.sandbox.caller import Caller, MovableClock, basic
from watcher.sandbox import Sandbox
from watcher.sandbox.apis.chargeover_query import Condition, parse_where
from watcher.sandbox.traps import ChargeOverTraps

ONE = "/invoice/5"


def _where(conditions: str) -> str:
    return "/invoice?where=" + quote(conditions, safe="")


async def _ids(caller: Caller, path: str) -> list[int]:
    answer = await caller.get("chargeover", path)
    assert answer.status == 200, answer.text
    return [row["invoice_id"] for row in answer.json["response"]]


async def test_an_invoice_has_every_documented_field(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("chargeover", "5", "USD", 10_000, date(2026, 12, 1))
    answer = (await caller.get("chargeover", ONE)).json
    assert set(seed_fields.paths(answer)) == seed_fields.CHARGEOVER
    assert (answer["response"]["invoice_id"], answer["response"]["due_date"]) == (5, "2026-12-01")


async def test_a_partial_payment_shows_in_the_numbers_alone(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("chargeover", "5", "USD", 10_000)
    sandbox.ledger.pay(bill, 3_550)
    invoice = (await caller.get("chargeover", ONE)).json["response"]
    assert (invoice["invoice_status_str"], invoice["is_paid"]) == ("open-unpaid", False)
    assert (invoice["total"], invoice["payments"], invoice["balance"]) == (100, Decimal("35.5"), Decimal("64.5"))


async def test_a_full_payment_closes_and_a_refund_or_a_reversal_opens_again(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("chargeover", "5", "USD", 10_000)
    sandbox.ledger.pay(bill)
    paid = (await caller.get("chargeover", ONE)).json["response"]
    assert (paid["invoice_status_str"], paid["is_paid"], paid["paid_date"]) == ("closed-paid", True, "2026-11-22")
    sandbox.ledger.refund(bill, 1_000)
    refunded = (await caller.get("chargeover", ONE)).json["response"]
    assert (refunded["refunds"], refunded["balance"], refunded["is_paid"]) == (10, 10, False)
    sandbox.ledger.chargeback(bill, 2_000)
    reversed_ = (await caller.get("chargeover", ONE)).json["response"]
    assert (reversed_["payments"], reversed_["balance"], reversed_["paid_date"]) == (80, 30, None)


async def test_a_void_takes_the_total_away(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("chargeover", "5", "USD", 10_000)
    sandbox.ledger.void(bill)
    invoice = (await caller.get("chargeover", ONE)).json["response"]
    assert (invoice["total"], invoice["balance"], invoice["is_void"]) == (0, 0, True)
    assert (invoice["invoice_status_str"], invoice["invoice_status_state"]) == ("closed-void", "c")


async def test_a_write_off_credits_and_declines_have_their_fields(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("chargeover", "5", "USD", 10_000)
    sandbox.ledger.fail_payment(bill)
    sandbox.ledger.credit(bill, 4_000)
    sandbox.ledger.write_off(bill)
    invoice = (await caller.get("chargeover", ONE)).json["response"]
    assert (invoice["declines"], invoice["credits"], invoice["writeoffs"], invoice["balance"]) == (1, 40, 60, 0)


async def test_days_overdue_tick_with_the_local_day(sandbox: Sandbox, caller: Caller, clock: MovableClock) -> None:
    sandbox.ledger.create("chargeover", "5", "USD", 10_000, date(2026, 11, 22))
    seen: list[tuple[str, int]] = []
    for hours in (0, 19, 1, 24):  # local midnight in Chicago is 06:00 UTC
        clock.instant += timedelta(hours=hours)
        invoice = (await caller.get("chargeover", ONE)).json["response"]
        seen.append((invoice["invoice_status_str"], invoice["days_overdue"]))
    assert seen == [("open-unpaid", 0), ("open-unpaid", 0), ("open-overdue", 1), ("open-overdue", 2)]


async def test_times_are_local_with_an_offset_or_by_switch_naive(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("chargeover", "5", "USD", 10_000)
    assert (await caller.get("chargeover", ONE)).json["response"]["write_datetime"] == "2026-11-22T04:00:00-06:00"
    sandbox.traps.chargeover = ChargeOverTraps(naive_times=True, timezone="Europe/Berlin")
    assert (await caller.get("chargeover", ONE)).json["response"]["write_datetime"] == "2026-11-22 11:00:00"


async def test_lists_have_no_lines_and_by_switch_ids_that_are_text(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("chargeover", "5", "USD", 10_000)
    (row,) = (await caller.get("chargeover", "/invoice")).json["response"]
    assert row["invoice_id"] == 5
    assert not {"line_items", "schedule", "tags"} & row.keys()
    sandbox.traps.chargeover = ChargeOverTraps(text_ids_in_lists=True, empty_details_as_list=True)
    answer = (await caller.get("chargeover", "/invoice")).json
    assert (answer["response"][0]["invoice_id"], answer["details"]) == ("5", [])
    assert (await caller.get("chargeover", ONE)).json["response"]["invoice_id"] == 5


async def test_where_conditions_must_all_hold(sandbox: Sandbox, caller: Caller, clock: MovableClock) -> None:
    for number in (5, 6, 10):
        sandbox.ledger.create("chargeover", str(number), "USD", 10_000)
        clock.instant += timedelta(hours=1)
    sandbox.ledger.pay(sandbox.ledger.bill("chargeover", "6"))
    assert await _ids(caller, _where("invoice_id:EQUALS:5")) == [5]
    assert await _ids(caller, _where("invoice_id:GT:5,invoice_status_str:EQUALS:open-unpaid")) == [10]
    assert await _ids(caller, _where("mod_datetime:GTE:2026-11-22 05:30:00")) == [6, 10]
    assert await _ids(caller, _where("mod_datetime:GTE:2026-11-22T12:00:00+00:00")) == [6, 10]
    assert await _ids(caller, _where("custom_1:IS:NULL,invoice_id:NOTEQUALS:6,invoice_id:LTE:10")) == [5, 10]
    assert await _ids(caller, _where("refnumber:CONTAINS:inv-,refnumber:ISNOT:NULL,invoice_id:LT:6")) == [5]


async def test_an_escaped_comma_belongs_to_the_value(sandbox: Sandbox, caller: Caller) -> None:
    assert parse_where(r"custom_1:EQUALS:a\,b,mod_datetime:GT:2026-11-22 10:00:00") == (
        Condition("custom_1", "EQUALS", "a,b"),
        Condition("mod_datetime", "GT", "2026-11-22 10:00:00"),
    )
    sandbox.ledger.create("chargeover", "5", "USD", 10_000)
    assert await _ids(caller, _where(r"bill_state:CONTAINS:I\,L")) == []
    assert (await caller.get("chargeover", _where("bill_state:CONTAINS:I,L"))).status == 400


@pytest.mark.parametrize(
    "query",
    [
        "where=secret:EQUALS:1",
        "where=invoice_id:IN:1",
        "where=invoice_id:EQUALS",
        "where=invoice_id:EQUALS:x",
        "where=token:IS:1",
        "where=mod_datetime:GT:x",
        "order=memo:ASC",
        "limit=x",
    ],
)
async def test_a_query_of_another_language_is_a_bad_request(sandbox: Sandbox, caller: Caller, query: str) -> None:
    sandbox.ledger.create("chargeover", "5", "USD", 10_000)
    answer = await caller.get("chargeover", f"/invoice?{query}")
    assert (answer.status, answer.json["response"]) == (400, False)


async def test_lists_are_ordered_cut_and_counted(sandbox: Sandbox, caller: Caller) -> None:
    for number in range(1, 13):
        sandbox.ledger.create("chargeover", str(number), "USD", 10_000)
    assert await _ids(caller, "/invoice") == list(range(1, 11))
    assert await _ids(caller, "/invoice?order=invoice_id:DESC&limit=3&offset=1") == [11, 10, 9]
    answer = await caller.get("chargeover", "/invoice/_count?where=" + quote("invoice_id:GT:4"))
    assert answer.json["response"] == 8


async def test_a_bulk_answers_each_request_by_itself_and_takes_25(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("chargeover", "5", "USD", 10_000)
    request = {"request_method": "GET", "uri": "/api/v3/invoice/5", "payload": None}
    listed = {**request, "uri": "/api/v3/invoice?where=invoice_id:EQUALS:5"}
    orders = [
        request,
        {**request, "uri": "/api/v3/invoice/6"},
        listed,
        {**request, "request_method": "DELETE"},
        "nonsense",
    ]
    rows = (await caller.post("chargeover", "/_bulk", orders)).json["response"]["_bulk"]
    assert [row["code"] for row in rows] == [200, 404, 200, 400, 400]
    assert rows[0]["response"]["line_items"][0]["line_total"] == 100
    assert (rows[1]["status"], rows[1]["response"]) == ("Error", False)
    assert rows[2]["response"][0]["invoice_id"] == 5
    assert (await caller.post("chargeover", "/_bulk", [request] * 25)).status == 200
    assert (await caller.post("chargeover", "/_bulk", [request] * 26)).status == 400
    assert (await caller.post("chargeover", "/_bulk", request)).status == 400


async def test_errors_answer_false_and_never_an_object(sandbox: Sandbox, caller: Caller) -> None:
    missing = await caller.get("chargeover", ONE)
    assert (missing.status, missing.json["code"], missing.json["response"]) == (404, 404, False)
    assert (await caller.get("chargeover", "/invoice/x")).status == 400
    assert (await caller.get("chargeover", "/bill/1")).json["response"] is False
    anonymous = await caller.get("chargeover", ONE, {})
    assert (anonymous.status, anonymous.json) == (
        401,
        {
            "code": 401,
            "status": "Error",
            "message": "Invalid or incorrect authorization [Missing (basic) authorization header.]",
            "details": {},
            "response": False,
        },
    )
    keys = sandbox.credentials["chargeover"]
    wrong = await caller.get("chargeover", ONE, basic(keys["public_key"], "wrong"))
    assert (wrong.status, wrong.json["response"]) == (401, False)
    assert (await caller.get("chargeover", ONE, {"Authorization": "Basic !"})).status == 401
