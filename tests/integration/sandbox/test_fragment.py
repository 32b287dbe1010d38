from datetime import timedelta
from urllib.parse import quote

from tests.integration.sandbox import seed_fields
from tests.integration.sandbox.caller import Caller, MovableClock, basic
from watcher.sandbox import Sandbox
from watcher.sandbox.traps import FragmentTraps, Generation


async def test_an_invoice_of_the_second_generation_has_every_documented_field(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("fragment", "inv_1", "USD", 10_000)
    sandbox.traps.fragment = FragmentTraps(generation=Generation.G2)
    answer = await caller.get("fragment", "/invoices/inv_1")
    assert answer.status == 200
    assert set(seed_fields.paths(answer.json["data"])) == seed_fields.FRAGMENT


async def test_the_current_generation_is_spelled_in_snake_case_and_reports_payments(
    sandbox: Sandbox, caller: Caller
) -> None:
    bill = sandbox.ledger.create("fragment", "inv_1", "USD", 10_000)
    sandbox.ledger.pay(bill, 4_000)
    invoice = (await caller.get("fragment", "/invoices/inv_1")).json["data"]
    assert invoice["line_items"][0]["currency_code"] == "USD"
    assert invoice["balances"][0]["payins"] == {"actual": "4000", "expected": "10000", "remaining": "6000"}
    assert [payment["amount"] for payment in invoice["payments"]] == ["4000"]
    assert "workspaceId" not in invoice
    assert "lineItems" not in invoice


async def test_the_first_generation_has_a_status_word_and_no_balances(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("fragment", "inv_1", "USD", 10_000)
    sandbox.traps.fragment = FragmentTraps(generation=Generation.G1)
    assert (await caller.get("fragment", "/invoices/inv_1")).json["data"]["status"] == "active"
    sandbox.ledger.pay(bill)
    invoice = (await caller.get("fragment", "/invoices/inv_1")).json["data"]
    assert invoice["status"] == "closed"
    assert not {"balances", "users", "version", "payments"} & invoice.keys()


async def test_a_payment_moves_neither_version_nor_modified(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    bill = sandbox.ledger.create("fragment", "inv_1", "USD", 10_000)
    before = (await caller.get("fragment", "/invoices/inv_1")).json["data"]
    clock.instant += timedelta(minutes=1)
    sandbox.ledger.pay(bill)
    after = (await caller.get("fragment", "/invoices/inv_1")).json["data"]
    assert (after["version"], after["modified"]) == (before["version"], before["modified"])
    sandbox.ledger.change_total(bill, 12_000)
    assert (await caller.get("fragment", "/invoices/inv_1")).json["data"]["version"] == before["version"] + 1


async def test_a_chargeback_lets_the_balance_fall_and_a_void_takes_the_lines(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("fragment", "inv_1", "USD", 10_000)
    sandbox.ledger.pay(bill)
    sandbox.ledger.chargeback(bill, 10_000)
    invoice = (await caller.get("fragment", "/invoices/inv_1")).json["data"]
    assert invoice["balances"][0]["payins"]["remaining"] == "10000"
    assert invoice["payments"] == []
    sandbox.ledger.void(bill)
    invoice = (await caller.get("fragment", "/invoices/inv_1")).json["data"]
    assert (invoice["balances"][0]["payins"]["expected"], invoice["line_items"]) == ("0", [])


async def test_what_flows_out_stands_in_payouts_with_a_negative_net(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("fragment", "inv_1", "USD", 10_000, payable=True)
    balance = (await caller.get("fragment", "/invoices/inv_1")).json["data"]["balances"][0]
    assert balance["payouts"]["expected"] == "10000"
    assert (balance["payins"]["expected"], balance["net"]["expected"]) == ("0", "-10000")


async def test_ids_may_hold_any_characters(sandbox: Sandbox, caller: Caller) -> None:
    for strange in ("a/b", "what?#", "100%", "two words", "é"):
        sandbox.ledger.create("fragment", strange, "USD", 100)
        answer = await caller.get("fragment", "/invoices/" + quote(strange, safe=""))
        assert answer.json["data"]["id"] == strange


async def test_a_missing_invoice_is_404_alone_and_named_in_a_batch(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("fragment", "b", "USD", 100)
    sandbox.ledger.create("fragment", "a", "USD", 100)
    assert (await caller.get("fragment", "/invoices/none")).status == 404
    answer = await caller.post("fragment", "/invoices/batch-get", {"ids": ["a", "none", "b"]})
    assert [invoice["id"] for invoice in answer.json["data"]["invoices"]] == ["a", "b"]
    assert answer.json["data"]["not_found"] == ["none"]


async def test_a_batch_takes_200_ids_and_no_more(caller: Caller) -> None:
    ids = [str(number) for number in range(201)]
    assert (await caller.post("fragment", "/invoices/batch-get", {"ids": ids[:200]})).status == 200
    assert (await caller.post("fragment", "/invoices/batch-get", {"ids": ids})).status == 422
    assert (await caller.post("fragment", "/invoices/batch-get", {})).status == 422


async def test_an_older_deployment_knows_no_batch_get(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.traps.fragment = FragmentTraps(batch_get_absent=True)
    assert (await caller.post("fragment", "/invoices/batch-get", {"ids": ["a"]})).status == 404


async def test_search_pages_by_cursor_unless_it_asks_for_open_ones(sandbox: Sandbox, caller: Caller) -> None:
    for number in range(3):
        sandbox.ledger.create("fragment", str(number), "USD", 100)
    sandbox.ledger.pay(sandbox.ledger.bill("fragment", "1"))
    first = (await caller.post("fragment", "/invoices/search", {"page_info": {"limit": 2}})).json["data"]
    after = {"limit": 2, "after": first["page_info"]["next_cursor"]}
    second = (await caller.post("fragment", "/invoices/search", {"page_info": after})).json["data"]
    assert [row["id"] for row in first["invoices"] + second["invoices"]] == ["0", "1", "2"]
    assert second["page_info"]["next_cursor"] is None
    body = {"filter": {"status": "open"}, "page_info": {"limit": 1}}
    unpaged = (await caller.post("fragment", "/invoices/search", body)).json["data"]
    assert [row["id"] for row in unpaged["invoices"]] == ["0", "2"]


async def test_search_takes_both_ends_of_created_and_refuses_times_without_a_zone(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    for number in range(3):
        sandbox.ledger.create("fragment", str(number), "USD", 100)
        clock.instant += timedelta(hours=1)
    created = {"after": "2026-11-22T11:00:00Z", "before": "2026-11-22T12:00:00Z"}
    found = (await caller.post("fragment", "/invoices/search", {"filter": {"created": created}})).json["data"]
    assert [row["id"] for row in found["invoices"]] == ["1", "2"]
    naive = {"filter": {"created": {"after": "2026-11-22"}}}
    assert (await caller.post("fragment", "/invoices/search", naive)).status == 422
    assert (await caller.post("fragment", "/invoices/search", {"page_info": {"limit": 0}})).status == 422


async def test_the_plain_list_reports_no_balances(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("fragment", "a", "USD", 100)
    (row,) = (await caller.get("fragment", "/invoices")).json["data"]
    assert row["id"] == "a"
    assert not {"balances", "users", "payments"} & row.keys()


async def test_a_token_is_given_for_basic_client_credentials_in_a_form_alone(sandbox: Sandbox, caller: Caller) -> None:
    keys = sandbox.credentials["fragment"]
    right = basic(keys["client_id"], keys["client_secret"])
    form = {"grant_type": "client_credentials"}
    token = await caller.obtain_token("fragment")
    assert (token.json["expires_in"], token.json["token_type"]) == (3600, "Bearer")
    wrong = await caller.send("POST", sandbox.token_url, data=form, headers=basic(keys["client_id"], "wrong"))
    assert (wrong.status, wrong.json) == (401, {"error": "invalid_client"})
    assert (await caller.send("POST", sandbox.token_url, json=form, headers=right)).status == 400
    other = await caller.send("POST", sandbox.token_url, data={"grant_type": "password"}, headers=right)
    assert other.json == {"error": "unsupported_grant_type"}


async def test_a_token_ends_after_its_lifetime_or_when_the_sandbox_ends_it(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.traps.fragment = FragmentTraps(token_lifetime=timedelta(minutes=5), expires_in_absent=True)
    token = (await caller.obtain_token("fragment")).json
    assert "expires_in" not in token
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    clock.instant += timedelta(minutes=5, microseconds=-1)
    assert (await caller.get("fragment", "/invoices", bearer)).status == 200
    clock.instant += timedelta(microseconds=1)
    assert (await caller.get("fragment", "/invoices", bearer)).status == 401
    fresh = {"Authorization": f"Bearer {(await caller.obtain_token('fragment')).json['access_token']}"}
    sandbox.expire_tokens("fragment")
    assert (await caller.get("fragment", "/invoices", fresh)).status == 401


async def test_nothing_is_served_outside_billing_or_without_a_token(sandbox: Sandbox, caller: Caller) -> None:
    root = sandbox.base_urls["fragment"].removesuffix("/billing")
    assert (await caller.get("fragment", "/invoices", {})).status == 401
    headers = {"Authorization": f"Bearer {(await caller.obtain_token('fragment')).json['access_token']}"}
    assert (await caller.send("GET", f"{root}/invoices", headers=headers)).status == 404
