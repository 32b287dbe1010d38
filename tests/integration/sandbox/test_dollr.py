from datetime import timedelta

from tests.fakes.clock import START
from tests.integration.sandbox import seed_fields
from tests.integration.sandbox.caller import Caller, MovableClock
from watcher.sandbox import Fault, FaultKind, Sandbox
from watcher.sandbox.traps import DollrTraps

ONE = "/v1/invoices/retrieve/7"
TOKEN = "/v1/jwt/client/obtain/token"


async def _status(caller: Caller) -> str:
    return (await caller.get("dollr", ONE)).json["status"]


async def test_an_invoice_has_every_documented_field(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("dollr", "7", "USD", 25_000, START + timedelta(days=1))
    invoice = (await caller.get("dollr", ONE)).json
    assert set(seed_fields.paths(invoice)) == seed_fields.DOLLR
    assert (invoice["id"], invoice["due_date"]) == (7, "2026-11-23T10:00:00Z")


async def test_a_payment_is_processing_then_paid_for_good(sandbox: Sandbox, caller: Caller) -> None:
    ledger = sandbox.ledger
    bill = ledger.create("dollr", "7", "USD", 25_000, draft=True)
    assert await _status(caller) == "IDLE"
    ledger.finalize(bill)
    assert await _status(caller) == "ACTIVE"
    ledger.start_payment(bill)
    assert await _status(caller) == "PROCESSING"
    ledger.fail_payment(bill)
    assert await _status(caller) == "ACTIVE"
    ledger.pay(bill)
    ledger.chargeback(bill, 25_000)
    assert await _status(caller) == "PAID"


async def test_a_partial_payment_does_not_show_and_a_void_is_canceled(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("dollr", "7", "USD", 25_000)
    sandbox.ledger.pay(bill, 100)
    assert await _status(caller) == "ACTIVE"
    sandbox.ledger.void(bill)
    assert await _status(caller) == "CANCELED"


async def test_totals_are_numbers_in_major_units_whole_or_with_decimals(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("dollr", "7", "USD", 25_000)
    assert '"total_amount":250.00,' in (await caller.get("dollr", ONE)).text
    sandbox.traps.dollr = DollrTraps(whole_totals=True)
    assert '"total_amount":250,' in (await caller.get("dollr", ONE)).text
    sandbox.ledger.create("dollr", "7", "RWF", 25_000)
    assert '"total_amount":25000,' in (await caller.get("dollr", ONE)).text


async def test_times_lose_their_zone_by_switch(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("dollr", "7", "USD", 25_000)
    sandbox.traps.dollr = DollrTraps(naive_times=True)
    assert (await caller.get("dollr", ONE)).json["created_at"] == "2026-11-22T10:00:00"


async def test_the_list_is_a_bare_array_without_items_and_filters_one_status_and_currency(
    sandbox: Sandbox, caller: Caller
) -> None:
    sandbox.ledger.create("dollr", "7", "USD", 100)
    sandbox.ledger.create("dollr", "8", "LRD", 100)
    sandbox.ledger.pay(sandbox.ledger.create("dollr", "9", "USD", 100))
    rows = (await caller.get("dollr", "/v1/invoices/list")).json
    assert [row["id"] for row in rows] == [7, 8, 9]
    assert not {"invoice_items", "counterparty"} & rows[0].keys()
    filtered = (await caller.get("dollr", "/v1/invoices/list?status=ACTIVE&currency=USD")).json
    assert [row["id"] for row in filtered] == [7]


async def test_the_light_status_call_reports_paid_at_only_once_paid(sandbox: Sandbox, caller: Caller) -> None:
    path = "/v1/status/source?source_type=INVOICE&source_id=7"
    bill = sandbox.ledger.create("dollr", "7", "USD", 100)
    open_one = (await caller.get("dollr", path)).json
    assert (open_one["source_id"], open_one["status"], "paid_at" in open_one) == (7, "ACTIVE", False)
    sandbox.ledger.pay(bill)
    assert (await caller.get("dollr", path)).json["paid_at"] == "2026-11-22T10:00:00Z"
    assert (await caller.get("dollr", path.replace("=7", "=8"))).status == 404


async def test_an_invoice_is_found_by_its_number_too(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("dollr", "7", "USD", 100)
    number = (await caller.get("dollr", ONE)).json["invoice_number"]
    assert (await caller.get("dollr", f"/v1/invoices/retrieve/number/{number}")).json["id"] == 7


async def test_detail_is_text_for_404_and_a_list_for_422_or_by_switch_always(sandbox: Sandbox, caller: Caller) -> None:
    missing = await caller.get("dollr", ONE)
    assert (missing.status, missing.json) == (404, {"detail": "Invoice not found"})
    bad = await caller.get("dollr", "/v1/invoices/retrieve/abc")
    assert (bad.status, bad.json["detail"][0]["loc"]) == (422, ["path", "id"])
    sandbox.traps.dollr = DollrTraps(detail_as_list=True)
    assert (await caller.get("dollr", ONE)).json["detail"][0]["msg"] == "Invoice not found"


async def test_a_token_is_asked_in_json_and_its_lifetime_reported_in_minutes(sandbox: Sandbox, caller: Caller) -> None:
    token = await caller.obtain_token("dollr")
    assert (token.status, token.json["expires_in"], token.json["access_token"].count(".")) == (200, 60, 2)
    url = sandbox.base_urls["dollr"] + TOKEN
    keys = sandbox.credentials["dollr"]
    wrong = await caller.send("POST", url, json={**keys, "client_secret": "wrong"})
    assert (wrong.status, wrong.json) == (401, {"detail": "Could not validate credentials"})
    assert (await caller.send("POST", url, data=dict(keys))).status == 422


async def test_a_token_ends_after_its_minutes(sandbox: Sandbox, caller: Caller, clock: MovableClock) -> None:
    sandbox.ledger.create("dollr", "7", "USD", 100)
    sandbox.traps.dollr = DollrTraps(token_lifetime=timedelta(minutes=10))
    token = (await caller.obtain_token("dollr")).json
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert (await caller.get("dollr", ONE, bearer)).status == 200
    clock.instant += timedelta(minutes=token["expires_in"])
    ended = await caller.get("dollr", ONE, bearer)
    assert (ended.status, ended.json) == (401, {"detail": "Could not validate credentials"})


async def test_a_missing_header_is_401_or_in_older_servers_403(sandbox: Sandbox, caller: Caller) -> None:
    anonymous = await caller.get("dollr", ONE, {})
    assert (anonymous.status, anonymous.json) == (401, {"detail": "Not authenticated"})
    sandbox.traps.dollr = DollrTraps(anonymous_is_403=True)
    assert (await caller.get("dollr", ONE, {})).status == 403


async def test_too_many_requests_come_with_and_without_retry_after(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("dollr", "7", "USD", 100)
    assert await _status(caller) == "ACTIVE"
    sandbox.fail_next("dollr", Fault(FaultKind.RATE_LIMITED))
    sandbox.fail_next("dollr", Fault(FaultKind.RATE_LIMITED, retry_after="7"))
    answers = [await caller.get("dollr", ONE) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert [answer.headers.get("Retry-After") for answer in answers] == [None, "7", None]
