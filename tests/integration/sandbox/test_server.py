import time
from datetime import timedelta

import aiohttp
import pytest

from tests.integration.sandbox.caller import Caller, MovableClock
from watcher.sandbox import PROVIDERS, Fault, FaultKind, Sandbox
from watcher.sandbox.traps import MeteroidTraps, Traps

PATHS = {
    "fragment": "/invoices/7",
    "meteroid": "/api/v1/invoices/inv_7",
    "dollr": "/v1/invoices/retrieve/7",
    "rapyd": f"/v1/invoices/invoice_{7:032x}",
    "chargeover": "/invoice/7",
    "stripe": "/v1/invoices/in_7",
    "lago": "/api/v1/invoices/7a901a90-1a90-4a90-8a90-1a901a901a90",
    "chargebee": "/invoices/INV-7",
}


@pytest.fixture(autouse=True)
def _bills(sandbox: Sandbox) -> None:
    for provider, path in PATHS.items():
        sandbox.ledger.create(provider, path.rpartition("/")[2], "USD", 100)


def test_base_urls_are_what_the_configuration_wants(sandbox: Sandbox) -> None:
    ends = {provider: sandbox.base_urls[provider].rpartition(":")[2].partition("/")[2] for provider in PROVIDERS}
    prefixed = {"fragment": "billing", "chargeover": "api/v3", "chargebee": "api/v2"}
    assert ends == dict.fromkeys(PROVIDERS, "") | prefixed
    assert all(url.startswith("http://127.0.0.1:") for url in sandbox.base_urls.values())


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_faults_befall_the_next_requests_in_turn_and_then_end(
    sandbox: Sandbox, caller: Caller, provider: str
) -> None:
    assert (await caller.get(provider, PATHS[provider])).status == 200
    for kind in (FaultKind.SERVER_ERROR, FaultKind.RATE_LIMITED, FaultKind.UNAUTHORIZED):
        sandbox.fail_next(provider, Fault(kind), times=2)
    answers = [await caller.get(provider, PATHS[provider]) for _ in range(7)]
    assert [answer.status for answer in answers] == [500, 500, 429, 429, 401, 401, 200]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_garbage_and_html_come_with_status_200(sandbox: Sandbox, caller: Caller, provider: str) -> None:
    await caller.get(provider, PATHS[provider])
    sandbox.fail_next(provider, Fault(FaultKind.GARBAGE))
    sandbox.fail_next(provider, Fault(FaultKind.HTML))
    garbage = await caller.get(provider, PATHS[provider])
    html = await caller.get(provider, PATHS[provider])
    assert (garbage.status, html.status) == (200, 200)
    assert garbage.headers["Content-Type"].startswith("application/json")
    with pytest.raises(ValueError, match=r"delimiter|Unterminated"):
        _ = garbage.json
    assert html.headers["Content-Type"].startswith("text/html")


async def test_a_disconnect_gives_no_answer_not_even_to_the_second_try_of_the_client_itself(
    sandbox: Sandbox, caller: Caller
) -> None:
    sandbox.fail_next("meteroid", Fault(FaultKind.DISCONNECT), times=2)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await caller.get("meteroid", PATHS["meteroid"])
    assert len(sandbox.requests) == 2


async def test_a_slow_answer_is_right_but_late(sandbox: Sandbox, caller: Caller, clock: MovableClock) -> None:
    asked_at = clock.now()
    sandbox.fail_next("meteroid", Fault(FaultKind.SLOW, delay=timedelta(seconds=30)))
    assert (await caller.get("meteroid", PATHS["meteroid"])).json["id"] == "inv_7"
    assert clock.now() - asked_at == timedelta(seconds=30)


async def test_requests_are_noted_raw_and_in_order_even_when_refused(sandbox: Sandbox, caller: Caller) -> None:
    began = time.monotonic()
    await caller.get("meteroid", "/api/v1/invoices?statuses=DRAFT&page=0", {})
    await caller.get("dollr", PATHS["dollr"])
    noted = [(arrival.provider, arrival.method, arrival.path) for arrival in sandbox.requests]
    assert noted == [
        ("meteroid", "GET", "/api/v1/invoices?statuses=DRAFT&page=0"),
        ("dollr", "POST", "/v1/jwt/client/obtain/token"),
        ("dollr", "GET", "/v1/invoices/retrieve/7"),
    ]
    instants = [arrival.arrived_at for arrival in sandbox.requests]
    assert instants == sorted(instants)
    assert began <= instants[0]


async def test_the_date_header_follows_the_clock_and_its_skew(
    sandbox: Sandbox, caller: Caller, clock: MovableClock
) -> None:
    dates: list[str] = []
    for skew in (timedelta(), timedelta(minutes=10)):
        sandbox.traps.date_skew = skew
        dates.append((await caller.get("meteroid", PATHS["meteroid"])).headers["Date"])
    clock.instant += timedelta(hours=1)
    dates.append((await caller.get("meteroid", PATHS["meteroid"], {})).headers["Date"])
    assert [date[17:] for date in dates] == ["10:00:00 GMT", "10:10:00 GMT", "11:10:00 GMT"]


async def test_a_change_of_bill_or_traps_shows_in_the_next_answer(sandbox: Sandbox, caller: Caller) -> None:
    async def words() -> tuple[str, int]:
        invoice = (await caller.get("meteroid", PATHS["meteroid"])).json
        return invoice["status"], invoice["amount_due"]

    assert await words() == ("FINALIZED", 100)
    sandbox.ledger.pay(sandbox.ledger.bill("meteroid", "inv_7"), 40)
    assert await words() == ("FINALIZED", 60)
    sandbox.traps.meteroid = MeteroidTraps(pascal_case=True)
    assert await words() == ("Finalized", 60)
    sandbox.ledger.create("meteroid", "inv_7", "USD", 70)
    assert await words() == ("Finalized", 70)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_deleted_bill_is_gone_until_it_is_restored(sandbox: Sandbox, caller: Caller, provider: str) -> None:
    bill = sandbox.ledger.bill(provider, PATHS[provider].rpartition("/")[2])
    sandbox.ledger.delete(bill)
    assert (await caller.get(provider, PATHS[provider])).status == (400 if provider == "rapyd" else 404)
    sandbox.ledger.restore(bill)
    assert (await caller.get(provider, PATHS[provider])).status == 200


async def test_two_sandboxes_share_nothing(sandbox: Sandbox, clock: MovableClock) -> None:
    async with Sandbox(clock, Traps(date_skew=timedelta(hours=1))) as other, Caller(other, clock) as caller:
        assert (await caller.get("meteroid", PATHS["meteroid"])).status == 404
        assert sandbox.requests == []
        assert sandbox.traps.date_skew == timedelta()
