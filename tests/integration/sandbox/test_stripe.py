from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.sandbox.caller import Caller, MovableClock, basic
from watcher.sandbox import Sandbox
from watcher.sandbox.traps import StripeTraps

ONE = "/v1/invoices/in_1"
LIST = "/v1/invoices"
EXPANDED = f"{ONE}?expand[]=payments.data.payment.payment_intent"
DUE = datetime(2026, 12, 22, 10, tzinfo=UTC)


async def _error(caller: Caller, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any, Any]:
    answer = await caller.get("stripe", path, headers)
    error = answer.json["error"]
    return answer.status, error.get("code"), error.get("param")


async def _amounts(caller: Caller) -> tuple[str, int, int, int, int]:
    one = (await caller.get("stripe", ONE)).json
    return one["status"], one["amount_due"], one["amount_paid"], one["amount_remaining"], one["attempt_count"]


async def test_money_is_whole_minor_units_in_a_small_currency(sandbox: Sandbox, caller: Caller) -> None:
    ledger = sandbox.ledger
    bill = ledger.create("stripe", "in_1", "JPY", 10_000, DUE, draft=True)
    assert await _amounts(caller) == ("draft", 10_000, 0, 10_000, 0)
    ledger.finalize(bill)
    ledger.pay(bill, 4_000)
    assert await _amounts(caller) == ("open", 10_000, 4_000, 6_000, 1)
    ledger.credit(bill, 1_000)
    assert await _amounts(caller) == ("open", 9_000, 4_000, 5_000, 1)
    ledger.pay(bill)
    ledger.refund(bill, 500)
    ledger.chargeback(bill, 500)
    assert await _amounts(caller) == ("paid", 9_000, 9_000, 0, 1), "a lost dispute does not show"
    one = (await caller.get("stripe", ONE)).json
    assert (one["currency"], one["due_date"]) == ("jpy", int(DUE.timestamp()))
    assert (one["pre_payment_credit_notes_amount"], one["post_payment_credit_notes_amount"]) == (1_000, 500)


async def test_only_automatic_payments_after_the_first_are_counted(sandbox: Sandbox, caller: Caller) -> None:
    sent = sandbox.ledger.create("stripe", "in_1", "EUR", 100, DUE)
    charged = sandbox.ledger.create("stripe", "in_2", "EUR", 100)
    for bill in (sent, charged, sent, charged):
        sandbox.ledger.fail_payment(bill)
    rows = (await caller.get("stripe", LIST)).json["data"]
    assert [(row["collection_method"], row["attempt_count"]) for row in rows] == [
        ("charge_automatically", 2),
        ("send_invoice", 1),
    ]
    assert [row["next_payment_attempt"] is None for row in rows] == [False, True]


@pytest.mark.parametrize(("act", "word"), [("void", "void"), ("write_off", "uncollectible")])
async def test_void_and_write_off_leave_the_amounts(sandbox: Sandbox, caller: Caller, act: str, word: str) -> None:
    bill = sandbox.ledger.create("stripe", "in_1", "EUR", 10_000)
    getattr(sandbox.ledger, act)(bill)
    assert await _amounts(caller) == (word, 10_000, 0, 10_000, 0)


async def test_payments_are_only_there_when_they_are_expanded(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("stripe", "in_1", "EUR", 10_000)
    sandbox.ledger.pay(bill, 4_000)
    sandbox.ledger.fail_payment(bill)
    assert "payments" not in (await caller.get("stripe", ONE)).json
    shallow = (await caller.get("stripe", f"{ONE}?expand[]=payments")).json["payments"]["data"]
    assert all(row["payment"]["payment_intent"].startswith("pi_") for row in shallow)
    paid, owed = (await caller.get("stripe", EXPANDED)).json["payments"]["data"]
    assert (paid["status"], paid["amount_paid"], paid["payment"]["payment_intent"]["status"]) == (
        "paid",
        4_000,
        "succeeded",
    )
    assert (owed["status"], owed["amount_requested"], owed["is_default"]) == ("open", 6_000, True)
    assert owed["payment"]["payment_intent"]["last_payment_error"]["code"] == "card_declined"
    sandbox.ledger.start_payment(bill)
    _, owed = (await caller.get("stripe", EXPANDED)).json["payments"]["data"]
    assert owed["payment"]["payment_intent"]["status"] == "processing"
    assert owed["payment"]["payment_intent"]["last_payment_error"] is None


async def test_nothing_is_expanded_below_four_levels(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("stripe", "in_1", "EUR", 10_000)
    too_deep = f"{LIST}?expand[]=data.payments.data.payment.payment_intent"
    assert await _error(caller, too_deep) == (400, None, "expand")
    assert await _error(caller, f"{ONE}?expand[]=number") == (400, None, "expand")
    (row,) = (await caller.get("stripe", f"{LIST}?expand[]=data.payments")).json["data"]
    assert row["payments"]["object"] == "list"


async def test_the_list_is_newest_first_with_cursors_both_ways(sandbox: Sandbox, caller: Caller) -> None:
    for number in range(12):
        sandbox.ledger.create("stripe", f"in_{number:02}", "EUR", 100, draft=number == 11)

    async def page(query: str = "") -> tuple[list[str], bool]:
        body = (await caller.get("stripe", f"{LIST}?{query}")).json
        return [row["id"] for row in body["data"]], body["has_more"]

    assert await page() == ([f"in_{number:02}" for number in range(11, 1, -1)], True)
    assert await page("starting_after=in_02") == (["in_01", "in_00"], False)
    assert await page("ending_before=in_02&limit=2") == (["in_04", "in_03"], True)
    assert await page("status=draft") == (["in_11"], False)
    assert await page("status=open&limit=1&starting_after=in_10") == (["in_09"], True)


async def test_a_wrong_query_is_refused_by_name(caller: Caller) -> None:
    for query, code, name in (
        ("limit=101", "parameter_invalid_integer", "limit"),
        ("limit=ten", "parameter_invalid_integer", "limit"),
        ("starting_after=in_9", "resource_missing", "starting_after"),
        ("updated_since=1", "parameter_unknown", "updated_since"),
        ("status=closed", None, "status"),
    ):
        assert await _error(caller, f"{LIST}?{query}") == (400, code, name)


async def test_a_missing_invoice_and_a_missing_path_are_told_apart(caller: Caller) -> None:
    assert await _error(caller, ONE) == (404, "resource_missing", "invoice")
    assert await _error(caller, "/v1/nothing") == (404, None, None)


async def test_the_key_is_a_bearer_or_the_user_of_basic(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("stripe", "in_1", "EUR", 100)
    key = sandbox.credentials["stripe"]["api_key"]
    assert (await caller.get("stripe", ONE, basic(key, ""))).status == 200
    for headers in ({}, {"Authorization": "Bearer sk_test_wrong_but_long_enough"}, basic("wrong", key)):
        answer = await caller.get("stripe", ONE, headers)
        assert (answer.status, answer.json["error"]["type"]) == (401, "invalid_request_error")
    shown = (await caller.get("stripe", ONE, {"Authorization": "Bearer sk_test_wrong_but_long_enough"})).text
    assert "wrong" not in shown


async def test_the_version_is_echoed_and_checked(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("stripe", "in_1", "EUR", 100)
    key = {"Authorization": f"Bearer {sandbox.credentials['stripe']['api_key']}"}
    first = await caller.get("stripe", ONE)
    second = await caller.get("stripe", ONE, key | {"Stripe-Version": "2025-03-31.basil"})
    assert (first.headers["Stripe-Version"], second.headers["Stripe-Version"]) == (
        "2026-10-28.endive",
        "2025-03-31.basil",
    )
    assert first.headers["Request-Id"] != second.headers["Request-Id"]
    assert await _error(caller, ONE, key | {"Stripe-Version": "newest"}) == (400, None, None)


async def test_links_and_delivered_webhooks_change_by_themselves(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.ledger.create("stripe", "in_1", "EUR", 100)

    async def moved(period: timedelta) -> set[str]:
        before = (await caller.get("stripe", ONE)).json
        clock.advance(period)
        after = (await caller.get("stripe", ONE)).json
        return {key for key in before if before[key] != after[key]}

    assert await moved(timedelta(seconds=1)) == set()
    assert await moved(timedelta(seconds=1)) == {"webhooks_delivered_at"}
    assert await moved(timedelta(hours=1)) == {"hosted_invoice_url", "invoice_pdf"}
    sandbox.traps.stripe = StripeTraps(restless=True)
    assert await moved(timedelta(0)) == {"hosted_invoice_url", "invoice_pdf"}


async def test_more_requests_a_second_than_allowed_are_429_with_the_reason(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.traps.stripe = StripeTraps(requests_per_second=2)
    answers = [await caller.get("stripe", LIST) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert answers[2].json["error"]["code"] == "rate_limit"
    assert "Retry-After" not in answers[2].headers
    clock.advance(timedelta(seconds=1))
    assert (await caller.get("stripe", LIST)).status == 200
