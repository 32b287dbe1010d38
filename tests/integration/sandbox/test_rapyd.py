from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.clock import START
from tests.integration.sandbox import seed_fields
from tests.integration.sandbox.caller import Answer, Caller, MovableClock, rapyd_headers
from watcher.sandbox import Line, Sandbox
from watcher.sandbox.keys import DEMO_KEYS
from watcher.sandbox.traps import RapydDeletion, RapydTraps

ID = "invoice_e7a973caf0dd43e73707fe22767c268f"
ONE = f"/v1/invoices/{ID}"


def _refusal(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.json["status"]["error_code"], answer.json["status"]["message"]


async def test_an_invoice_has_every_documented_field(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("rapyd", ID, "USD", 107_998, draft=True)
    answer = (await caller.get("rapyd", ONE)).json
    assert set(seed_fields.paths(answer)) == seed_fields.RAPYD
    assert (answer["status"]["status"], answer["data"]["status"]) == ("SUCCESS", "draft")


async def test_money_is_in_major_units_with_no_digit_too_many(sandbox: Sandbox, caller: Caller) -> None:
    lines = (Line("a", 1_990), Line("b", 105_000))
    sandbox.ledger.create("rapyd", ID, "USD", 106_990, lines=lines)
    text = (await caller.get("rapyd", ONE)).text
    assert '"total":1069.9,' in text
    assert '"amount":19.9,' in text
    assert '"amount":1050,' in text
    sandbox.traps.rapyd = RapydTraps(float_noise=True)
    assert '"total":1069.900000000000000' in (await caller.get("rapyd", ONE)).text
    sandbox.traps.rapyd = RapydTraps()
    sandbox.ledger.create("rapyd", ID, "KWD", 12_345)
    assert '"total":12.345,' in (await caller.get("rapyd", ONE)).text


async def test_due_date_is_unix_seconds_and_zero_for_none(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("rapyd", ID, "USD", 100, START + timedelta(days=30))
    data = (await caller.get("rapyd", ONE)).json["data"]
    assert (data["due_date"], data["days_until_due"]) == (int(START.timestamp()) + 30 * 86_400, 30)
    sandbox.ledger.change_due(bill, None)
    assert (await caller.get("rapyd", ONE)).json["data"]["due_date"] == 0


async def test_paid_is_final_and_a_refund_shows_in_the_payment(sandbox: Sandbox, caller: Caller) -> None:
    bill = sandbox.ledger.create("rapyd", ID, "USD", 1_999)
    assert (await caller.get("rapyd", ONE)).json["data"]["payment"] is None
    sandbox.ledger.fail_payment(bill)
    failed = (await caller.get("rapyd", ONE)).json["data"]
    assert (failed["status"], failed["attempt_count"], failed["payment"]["status"]) == ("open", 1, "ERR")
    assert failed["payment"]["error_code"] == "card_declined"
    sandbox.ledger.start_payment(bill)
    assert (await caller.get("rapyd", ONE)).json["data"]["payment"]["status"] == "ACT"
    sandbox.ledger.pay(bill)
    sandbox.ledger.refund(bill, 500)
    paid = (await caller.get("rapyd", ONE)).json["data"]
    assert (paid["status"], paid["payment"]["status"], paid["attempt_count"]) == ("paid", "CLO", 2)
    assert (paid["payment"]["refunded"], str(paid["payment"]["refunded_amount"])) == (True, "5")


@pytest.mark.parametrize(("act", "word"), [("void", "void"), ("write_off", "uncollectible")])
async def test_void_and_uncollectible_have_their_words(sandbox: Sandbox, caller: Caller, act: str, word: str) -> None:
    bill = sandbox.ledger.create("rapyd", ID, "USD", 100, payable=True)
    getattr(sandbox.ledger, act)(bill)
    data = (await caller.get("rapyd", ONE)).json["data"]
    assert (data["status"], data["type"]) == (word, "payout")


async def test_each_call_has_an_operation_id_of_its_own(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.ledger.create("rapyd", ID, "USD", 100)
    answers = [(await caller.get("rapyd", ONE)).json for _ in range(2)]
    assert answers[0]["status"]["operation_id"] != answers[1]["status"]["operation_id"]
    assert answers[0]["data"] == answers[1]["data"]


async def test_a_missing_invoice_is_400_and_a_foreign_one_or_a_wrong_path_401(sandbox: Sandbox, caller: Caller) -> None:
    missing = await caller.get("rapyd", ONE)
    assert _refusal(missing)[:2] == (400, "ERROR_GET_INVOICE")
    assert "data" not in missing.json
    sandbox.traps.rapyd = RapydTraps(foreign_ids=frozenset({ID}))
    assert _refusal(await caller.get("rapyd", ONE)) == (401, "UNAUTHORIZED_API_CALL", "")
    assert _refusal(await caller.get("rapyd", "/v1/bills")) == (401, "UNAUTHORIZED_API_CALL", "")


@pytest.mark.parametrize("deletion", [RapydDeletion.DELETED, RapydDeletion.CANCELED])
async def test_a_deleted_invoice_may_stay_readable(sandbox: Sandbox, caller: Caller, deletion: RapydDeletion) -> None:
    bill = sandbox.ledger.create("rapyd", ID, "USD", 100, draft=True)
    sandbox.ledger.delete(bill)
    assert (await caller.get("rapyd", ONE)).status == 400
    sandbox.traps.rapyd = RapydTraps(deletion=deletion)
    assert (await caller.get("rapyd", ONE)).json["data"]["status"] == deletion.value
    assert (await caller.get("rapyd", "/v1/invoices")).json["data"] == []


async def test_the_list_is_newest_first_with_cursors_and_at_most_100(sandbox: Sandbox, caller: Caller) -> None:
    ids = [f"invoice_{number:032x}" for number in range(15)]
    for bill_id in ids:
        sandbox.ledger.create("rapyd", bill_id, "USD", 100)
    unsaid = (await caller.get("rapyd", "/v1/invoices")).json["data"]
    assert [row["id"] for row in unsaid] == ids[:4:-1]
    page = (await caller.get("rapyd", f"/v1/invoices?limit=3&starting_after={ids[3]}")).json["data"]
    assert [row["id"] for row in page] == [ids[2], ids[1], ids[0]]
    before = (await caller.get("rapyd", f"/v1/invoices?ending_before={ids[13]}")).json["data"]
    assert [row["id"] for row in before] == [ids[14]]
    for query in ("limit=0", "limit=101", f"starting_after={ID}"):
        assert (await caller.get("rapyd", f"/v1/invoices?{query}")).status == 400


async def test_each_missing_header_is_named_missing(sandbox: Sandbox, caller: Caller, clock: MovableClock) -> None:
    headers = rapyd_headers(ONE, sandbox.credentials["rapyd"], clock.now())
    for name in headers:
        rest = {key: value for key, value in headers.items() if key != name}
        assert _refusal(await caller.get("rapyd", ONE, rest))[:2] == (400, "MISSING_AUTHENTICATION_HEADERS")


async def test_a_wrong_key_signature_salt_or_path_is_an_invalid_signature(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    keys, now = sandbox.credentials["rapyd"], clock.now()
    right = rapyd_headers(ONE, keys, now)
    wrong: tuple[Mapping[str, str], ...] = (
        rapyd_headers(ONE, {**keys, "secret_key": "other"}, now),
        {**right, "access_key": "other"},
        {**right, "signature": "AAAA"},
        {**right, "salt": "saltsalt0002"},
        rapyd_headers(ONE, keys, now, salt="short"),
        rapyd_headers(f"{ONE}?x=1", keys, now),
        {**right, "timestamp": "soon"},
    )
    for headers in wrong:
        refusal = _refusal(await caller.get("rapyd", ONE, headers))
        assert refusal == (401, "UNAUTHENTICATED_API_CALL", "Invalid signature")


async def test_the_query_is_part_of_what_is_signed(sandbox: Sandbox, caller: Caller, clock: MovableClock) -> None:
    keys = sandbox.credentials["rapyd"]
    path = "/v1/invoices?limit=3"
    signed = await caller.get("rapyd", path, rapyd_headers(path, keys, clock.now()))
    bare = await caller.get("rapyd", path, rapyd_headers("/v1/invoices", keys, clock.now()))
    assert (signed.status, bare.status) == (200, 401)


async def test_a_timestamp_of_60_seconds_ago_or_of_the_future_is_refused(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.ledger.create("rapyd", ID, "USD", 100)
    keys = sandbox.credentials["rapyd"]
    statuses = [
        (await caller.get("rapyd", ONE, rapyd_headers(ONE, keys, clock.now() + timedelta(seconds=off)))).status
        for off in (-59, -60, 5)
    ]
    assert statuses == [200, 401, 401]


@pytest.mark.parametrize(
    ("path", "salt", "timestamp", "signature"),
    [
        (
            ONE,
            "saltsalt0001",
            1763561380,
            "NGNkOWE4MGVmZTdlZDg3NGE1OTZjNTE4YWJkYjljZjQ1MzIzY2UzOWViOGM4M2QxZmYwNjg2ZDBhNjNhZmVkMw==",
        ),
        (
            "/v1/invoices?limit=3",
            "abcDEF123456",
            1700000000,
            "OTI1ZmQyNzc1M2IwNTE3NDIyNGI3OWQxODJmODQyNzA0YjAyMTY3YWRkNDU4Zjc3MmU0OWJkNzNkMWEzYzhlZA==",
        ),
    ],
)
async def test_signatures_made_by_the_official_sample_are_accepted(
    clock: MovableClock, path: str, salt: str, timestamp: int, signature: str
) -> None:
    keys = {"access_key": "rak_TESTACCESSKEY000001", "secret_key": "rsk_test_secret_do_not_use_0123456789abcdef"}
    clock.instant = datetime.fromtimestamp(timestamp, UTC)
    async with Sandbox(clock, credentials={**DEMO_KEYS, "rapyd": keys}) as sandbox, Caller(sandbox, clock) as caller:
        sandbox.ledger.create("rapyd", ID, "USD", 100)
        headers = {"access_key": keys["access_key"], "salt": salt, "timestamp": str(timestamp), "signature": signature}
        assert (await caller.get("rapyd", path, headers)).status == 200


async def test_the_firewall_answers_html_and_blocks_for_five_minutes(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    sandbox.traps.rapyd = RapydTraps(requests_per_five_minutes=2)
    sandbox.ledger.create("rapyd", ID, "USD", 100)
    assert [(await caller.get("rapyd", ONE)).status for _ in range(3)] == [200, 200, 429]
    clock.instant += timedelta(minutes=5, microseconds=-1)
    blocked = await caller.get("rapyd", ONE)
    assert (blocked.status, blocked.headers["Content-Type"]) == (429, "text/html; charset=utf-8")
    clock.instant += timedelta(microseconds=1)
    assert (await caller.get("rapyd", ONE)).status == 200
