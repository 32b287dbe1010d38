"""What an endpoint gets: the form, the filters, the bytes."""

import json
from datetime import timedelta

from aiohttp import web
from jsonschema import Draft202012Validator

from tests.acceptance.bills import FAR, FAR_INSTANT, rapyd_id
from tests.acceptance.daemon import Body, Site, until
from tests.acceptance.test_events_failing import balance, row
from tests.fakes.provider_server import provider_server
from watcher.sandbox import Fault, FaultKind
from watcher.sandbox.traps import FragmentTraps, Generation


def subscribe_in_every_way(site: Site) -> None:
    site.endpoints.clear()
    site.endpoint("all")
    site.endpoint("thin", payload="thin")
    site.endpoint("default", events=["invoice.*", "!invoice.updated", "!invoice.tracked"])
    site.endpoint("vip", tags=["vip", "legal"])
    site.endpoint("rapyd", sources=["rap*"], events=["invoice.paid"])
    site.endpoint("excluding", events=["!invoice.tracked"])


async def test_endpoints_get_what_their_filters_ask_for_in_the_form_they_ask_for(site: Site) -> None:
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 100, FAR)
    other = ledger.create("rapyd", rapyd_id(1), "KWD", 1, FAR_INSTANT)
    subscribe_in_every_way(site)
    site.source("meteroid")
    site.source("rapyd")
    site.watch("meteroid", "inv_1", tags=["vip"])
    site.watch("rapyd", other.id)
    site.write()
    await site.command("run", "--once")
    ledger.pay(bill)
    ledger.pay(other)
    await site.command("run", "--once")
    (schema,) = await site.command("schema", "event")
    listed = await site.command("events")

    paid = ["paid"]
    both = ["tracked", *paid]
    arrived = {name: tuple(site.recorded(one, endpoint=name) for one in ("inv_1", other.id)) for name in site.endpoints}
    assert arrived == {
        "all": (both, both), "thin": (both, both), "default": (paid, paid), "vip": (both, []), "rapyd": ([], paid),
        "excluding": (paid, paid),
    }  # fmt: skip
    full = {body["data"]["event_id"]: body for body in site.bodies(endpoint="all")}
    for body in site.bodies(endpoint="thin"):
        whole = full[body["data"]["event_id"]]
        left_out = {"invoice", "changes"}
        assert body["data"] == {key: value for key, value in whole["data"].items() if key not in left_out}
        assert (body["type"], body["timestamp"]) == (whole["type"], whole["timestamp"])
    validator = Draft202012Validator(schema)
    for body in (*full.values(), *site.bodies(endpoint="thin")):
        validator.validate(body)  # pyright: ignore[reportUnknownMemberType]  # untyped there
    assert [{key: value for key, value in event.items() if key not in {"cursor", "found_by"}} for event in listed] == [
        full[event["data"]["event_id"]] for event in listed
    ]
    kuwait = site.bodies(other.id, endpoint="rapyd")[0]["data"]
    assert kuwait["delta"] == [{"currency": "KWD", "amount": "0.001"}]
    assert kuwait["invoice"]["amounts"][0]["total"] == "0.001"


async def test_a_body_over_twenty_kilobytes_leaves_as_a_thin_one_that_says_so(site: Site) -> None:
    currencies = [f"X{first}{second}" for first in "ABCDEFGHIJKLM" for second in "ABCDEFGHIJKLM"]
    balances = [balance("1234567890", currency) for currency in currencies]

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/token":
            return web.json_response({"access_token": "token"})
        return web.json_response({"data": row("big", "EUR", "1") | {"balances": balances}})

    async with provider_server() as server:
        server.answer_by(answer)
        site.source("fragment", base_url=f"{server.url}/billing", token_url=f"{server.url}/token")
        site.watch("fragment", "big")
        site.write()
        await site.command("run", "--once")
    (body,) = await site.hears("big", "tracked")
    (schema,) = await site.command("schema", "event")
    (recorded,) = await site.command("events")

    assert body["data"]["truncated"] is True
    assert not {"invoice", "changes"} & set(body["data"])
    Draft202012Validator(schema).validate(body)  # pyright: ignore[reportUnknownMemberType]  # untyped there
    assert len(recorded["data"]["invoice"]["amounts"]) == len(currencies)


async def test_to_and_from_unknown_only_updated_is_recorded_and_the_next_known_word_is_compared_with_the_last(
    site: Site,
) -> None:
    ledger, traps = site.sandbox.ledger, site.sandbox.traps
    bill = ledger.create("fragment", "one", "EUR", 100_000)
    site.source("fragment")
    site.watch("fragment", "one", due_on="2020-01-31")
    site.write()
    await site.command("run", "--once")
    traps.fragment = FragmentTraps(generation=Generation.G1)
    await site.command("run", "--once")
    ledger.pay(bill)
    traps.fragment = FragmentTraps(generation=Generation.G2)
    await site.command("run", "--once")

    bodies = await site.hears("one", "tracked", "overdue", "updated", "paid", "updated", "overdue_cleared")
    unknown = bodies[2]["data"]["invoice"]
    assert (unknown["status"], unknown["amounts"], unknown["overdue"]) == ("unknown", [], True)
    assert bodies[3]["data"]["delta"] == [{"currency": "EUR", "amount": "1000.00"}]


async def test_a_crash_in_the_middle_of_a_poll_and_of_an_attempt_loses_nothing_and_changes_no_byte(site: Site) -> None:
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 100, FAR)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    async with site.running() as daemon:
        await site.hears("inv_1", "tracked")
        site.receiver.hang_next()
        ledger.pay(bill)
        await until(lambda: len(site.receiver.deliveries) == 2, "an attempt is under way")
        site.sandbox.fail_next("meteroid", Fault(FaultKind.SLOW, delay=timedelta(minutes=5)))
        await site.polls_again("inv_1", 1)
        await daemon.kill()
    ledger.refund(bill, 40)
    async with site.running():
        bodies = await site.hears("inv_1", "tracked", "paid", "paid", "refunded")
    _, first, second, _ = site.receiver.deliveries
    assert (first.id, first.body, first.type) == (second.id, second.body, "invoice.paid")
    assert [body["data"]["sequence"] for body in bodies] == [1, 2, 2, 3]

    # Without the database the history begins anew, and so do its ids: the same fact is the same event.
    for file in site.folder.glob("invoice-watcher.db*"):
        file.unlink()
    await site.command("run", "--once")
    assert ids(site.receiver.deliveries[-1].body) == ids(site.receiver.deliveries[0].body)


def ids(body: bytes) -> tuple[str, str]:
    recorded: Body = json.loads(body)
    return recorded["type"], recorded["data"]["event_id"]
