"""Accounts that fail, refuse or want to be left alone, and single invoices that must not bring an account down."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from aiohttp import web

from tests.acceptance.bills import FAR, FAR_INSTANT, rapyd_id
from tests.acceptance.daemon import Daemon, Site, until
from tests.fakes.provider_server import provider_server
from tests.fakes.wire_documents import example
from watcher.sandbox import Fault, FaultKind

PAUSES = (5.5, 11)
"""Seconds, jitter included, before a given up account is probed for the first and for the second time."""


def backed_off_until(daemon: Daemon) -> datetime:
    (line,) = [line for line in daemon.logged if line["event"] == "source.backed_off"]
    return datetime.fromisoformat(line["until"])


async def test_an_account_that_gives_nothing_but_errors_is_recorded_once_and_so_is_its_recovery(site: Site) -> None:
    ledger = site.sandbox.ledger
    bills = [ledger.create("meteroid", f"inv_{number}", "EUR", 100, FAR) for number in range(5)]
    site.watcher["failing_after"] = "3s"
    site.source("meteroid")
    site.source("dollr")
    site.endpoint("elsewhere", sources=["dollr"])
    site.endpoint("tagged", tags=["none has it"])
    site.watch("meteroid", *(bill.id for bill in bills))
    async with site.running():
        await until(lambda: len(site.recorded()) == len(bills), "all are tracked")
        site.sandbox.fail_next("meteroid", Fault(FaultKind.HTML), times=1000)
        await until(lambda: "source.failing" in site.recorded(), "the failure is recorded")
        site.sandbox.fail_no_more("meteroid")
        ledger.pay(bills[0])
        await until(lambda: site.recorded("inv_0") == ["tracked", "paid"], "polls go on")

    about = [body for body in site.bodies() if body["type"].startswith("source.")]
    assert [body["type"] for body in about] == ["source.failing", "source.recovered"]
    failing, recovered = (body["data"] for body in about)
    assert set(failing) == {"event_id", "occurred_at", "source", "provider", "reason", "since"}
    assert (failing["source"], failing["provider"], failing["since"]) == ("meteroid", "meteroid", recovered["since"])
    waited = datetime.fromisoformat(failing["occurred_at"]) - datetime.fromisoformat(failing["since"])
    assert waited >= timedelta(seconds=3)
    assert site.recorded(endpoint="elsewhere") == []
    assert site.recorded(endpoint="tagged") == ["source.failing", "source.recovered"]


async def test_run_once_exits_1_while_an_account_refuses_and_polls_again_after_it_does_not(site: Site) -> None:
    bill = site.sandbox.ledger.create("rapyd", rapyd_id(1), "EUR", 100, FAR_INSTANT)
    site.source("rapyd", secret_key={"file": site.secret("wrong", "rsk_wrong")})
    site.watch("rapyd", bill.id)
    site.write()
    await site.command("run", "--once", code=1)
    await site.hears(None, "source.failing")
    assert site.bodies()[0]["data"]["reason"] == "credentials refused"
    await site.command("run", "--once", code=1)

    site.source("rapyd")
    site.write()
    await until(lambda: probe_is_due(site), "the next probe is due")
    await site.command("run", "--once")
    await site.hears(None, "source.failing", "source.recovered", "tracked")


def probe_is_due(site: Site) -> bool:
    _look, _control, *probes = site.asked(provider="rapyd")
    return time.monotonic() - site.asked(provider="rapyd")[-1] > PAUSES[len(probes)]


async def test_nobody_asks_before_retry_after_has_passed(site: Site) -> None:
    ledger = site.sandbox.ledger
    ids = [f"inv_{number}" for number in range(30)]
    for invoice_id in ids:
        ledger.create("meteroid", invoice_id, "EUR", 100, FAR)
    site.source("meteroid", rate="20/s")
    site.watch("meteroid", *ids)
    async with site.running() as daemon:
        await until(lambda: len(site.recorded()) == len(ids), "all are tracked")
        site.sandbox.fail_next("meteroid", Fault(FaultKind.RATE_LIMITED, retry_after="3"))
        await until(lambda: daemon.has_logged("source.backed_off"), "the account is left alone")
        until_then = backed_off_until(daemon)
        await until(lambda: datetime.now(until_then.tzinfo) > until_then, "the time passes")
        await site.polls_again("/invoices")

    asked = site.asked("/invoices")  # of single invoices or of their list, whatever refreshes more
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    # What was already on its way when the 429 arrived could not be called back.
    assert max(pauses) >= 2.7
    assert set(site.recorded()) == {"tracked"}


async def test_rapyds_firewall_blocks_for_five_minutes(site: Site) -> None:
    site.sandbox.ledger.create("rapyd", rapyd_id(1), "EUR", 100, FAR_INSTANT)
    site.source("rapyd")
    site.watch("rapyd", rapyd_id(1))
    async with site.running() as daemon:
        await site.hears(None, "tracked")
        site.sandbox.fail_next("rapyd", Fault(FaultKind.RATE_LIMITED))
        await until(lambda: daemon.has_logged("source.backed_off"), "the account is left alone")
        left = backed_off_until(daemon) - datetime.now(UTC)
    assert timedelta(minutes=4, seconds=30) < left <= timedelta(minutes=5)
    await site.command("run", "--once", code=1)
    assert site.asked(provider="rapyd")[-1] < time.monotonic()


async def test_an_answer_about_another_invoice_records_nothing_and_the_watch_names_both_ids(site: Site) -> None:
    async with provider_server() as server:
        server.answer(example("meteroid") | {"id": "inv_1", "status": "FINALIZED", "payment_status": "PAID"})
        site.source("meteroid", base_url=server.url)
        site.watch("meteroid", "inv_1", "inv_2")
        site.write()
        await site.command("run", "--once", code=1)
        listed = {row["invoice_id"]: row for row in await site.command("watch", "list")}
        recorded = await site.command("events")

    assert {one: row["state"] for one, row in listed.items()} == {"inv_1": "active", "inv_2": "failing"}
    assert "about invoice inv_1, not about invoice inv_2" in listed["inv_2"]["last_error"]
    assert {body["data"]["invoice_id"] for body in recorded} == {"inv_1"}


async def test_one_bad_invoice_in_a_batch_does_not_disturb_the_others(site: Site) -> None:
    """31 digits, NaN, another invoice's document, an unknown word: each fails alone or is recorded as unknown."""
    async with provider_server() as server:
        server.answer_by(fragment_with_bad_rows)
        site.source("fragment", base_url=f"{server.url}/billing", token_url=f"{server.url}/token")
        site.watch("fragment", "good", "long", "nan", "odd", "thirty", "yen", "nobody")
        site.write()
        await site.command("run", "--once", code=1)
        listed = {row["invoice_id"]: row for row in await site.command("watch", "list")}

    assert {one: row["state"] for one, row in listed.items()} == {
        "good": "active", "thirty": "active", "yen": "active", "odd": "active", "long": "failing", "nan": "failing",
        "nobody": "not_found",
    }  # fmt: skip
    assert "30 digits" in listed["long"]["last_error"]
    snapshots = {body["data"]["invoice_id"]: body["data"]["invoice"] for body in site.bodies()}
    assert snapshots["thirty"]["amounts"][0]["total"] == "1234567890123456789012345678.90"
    assert snapshots["yen"]["amounts"][0]["total"] == "1000"
    assert snapshots["odd"]["status"] == "unknown"
    assert snapshots["odd"]["amounts"][0] | {"unit": "minor"} == snapshots["odd"]["amounts"][0]


async def fragment_with_bad_rows(request: web.Request) -> web.StreamResponse:
    if request.path == "/token":
        return web.json_response({"access_token": "token", "expires_in": 3600})
    rows = [
        row("good", "EUR", "100"), row("long", "EUR", "1" * 31), row("nan", "EUR", "NaN"), row("yen", "JPY", "1000"),
        row("odd", "XYZ", "5") | {"status": "frozen"}, row("thirty", "EUR", "123456789012345678901234567890"),
    ]  # fmt: skip
    asked = (await request.json())["ids"]
    missing = [one for one in asked if one == "nobody"]
    return web.json_response({"data": {"invoices": [one for one in rows if one["id"] in asked], "not_found": missing}})


def row(invoice_id: str, currency: str, expected: str) -> dict[str, object]:
    balances = [balance(expected, currency)]
    return {"id": invoice_id, "balances": balances, "created": "2026-11-01T00:00:00Z", "status": "active",
            "line_items": [{"id": "item"}]}  # fmt: skip


def balance(expected: str, currency: str) -> dict[str, object]:
    idle = {"actual": "0", "expected": "0", "remaining": "0"}
    side = {"actual": "0", "expected": expected, "remaining": expected}
    return {"currency": currency, "net": side, "payins": side, "payouts": idle}
