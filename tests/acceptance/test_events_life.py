"""What a subscriber receives about an invoice's life, through the whole program."""

from typing import Any

from jsonschema import Draft202012Validator

from tests.acceptance.bills import FAR, FAR_INSTANT, LATE, rapyd_id
from tests.acceptance.daemon import Body, Site
from watcher.sandbox.bill import Bill

EUR = "EUR"


def changed(body: Body) -> dict[str, tuple[Any, Any]]:
    return {change["field"]: (change["before"], change["after"]) for change in body["data"]["changes"]}


def amounts(field: str, before: str, after: str) -> dict[str, tuple[str, str]]:
    return {f"amounts.EUR.{field}": (before, after)}


def holds_together(bodies: list[Body]) -> None:
    """Sequences have no gaps, each event of a transition records the same of it, each change stands in one of them."""
    assert [body["data"]["sequence"] for body in bodies] == list(range(1, len(bodies) + 1))
    assert bodies[0]["data"]["observed_after"] is None
    transitions: dict[str, list[Body]] = {}
    for body in bodies:
        transitions.setdefault(body["data"]["observed_at"], []).append(body)
    for together in transitions.values():
        assert len({str((one["data"]["invoice"], one["data"]["observed_after"])) for one in together}) == 1
        fields = [change["field"] for one in together for change in one["data"]["changes"]]
        assert sorted(fields) == sorted(set(fields))


def each_says_what_it_changed(by_type: dict[str, Body]) -> None:
    assert changed(by_type["partially_paid"])["status"] == ("open", "partially_paid")
    assert changed(by_type["partially_paid"])["payment_pending"] == (True, False)
    assert by_type["partially_paid"]["data"]["delta"] == [{"currency": "EUR", "amount": "400.00"}]
    assert by_type["payment_failed"]["data"]["attempts_delta"] == 1
    assert changed(by_type["payment_failed"])["failed_attempts"] == (0, 1)
    assert by_type["credited"]["data"]["delta"] == [{"currency": "EUR", "amount": "100.00"}]
    assert by_type["paid"]["data"]["delta"] == [{"currency": "EUR", "amount": "500.00"}]
    assert by_type["paid"]["data"]["occurred_at"] == by_type["paid"]["data"]["invoice"]["paid_at"] is not None
    assert by_type["refunded"]["data"]["delta"] == [{"currency": "EUR", "amount": "50.00"}]
    assert by_type["payment_reversed"]["data"]["delta"] == [{"currency": "EUR", "amount": "250.00"}]
    assert changed(by_type["payment_reversed"])["status"] == ("paid", "partially_paid")
    assert (by_type["finalized"]["data"]["inferred"], by_type["finalized"]["data"]["occurred_at"]) == (
        False,
        by_type["finalized"]["data"]["invoice"]["finalized_at"],
    )
    assert by_type["marked_uncollectible"]["data"]["occurred_at"] is not None


async def test_each_step_of_a_life_is_recorded_once_and_carries_what_it_changed(site: Site) -> None:
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", EUR, 100_000, FAR, draft=True)
    site.source("meteroid")
    site.watch("meteroid", "inv_1", tags=["vip"])
    async with site.running():
        recorded = ["tracked"]
        await site.hears("inv_1", *recorded)
        for act, events in (
            (lambda: ledger.finalize(bill), ["finalized"]),
            (lambda: ledger.fail_payment(bill), ["payment_failed"]),
            (lambda: ledger.start_payment(bill, 40_000), ["payment_pending"]),
            (lambda: (ledger.pay(bill), ledger.credit(bill, 10_000)), ["credited", "partially_paid"]),
            (lambda: ledger.pay(bill), ["paid"]),
            (lambda: ledger.refund(bill, 5_000), ["refunded"]),
            (lambda: ledger.chargeback(bill, 25_000), ["payment_reversed"]),
            (lambda: ledger.write_off(bill), ["marked_uncollectible"]),
            (lambda: ledger.reopen(bill), ["reopened"]),
        ):
            act()
            recorded += events
            await site.hears("inv_1", *recorded)
        await site.polls_again("inv_1")
        bodies = await site.hears("inv_1", *recorded)
        (shown,) = await site.command("show", "meteroid", "inv_1")
        (schema,) = await site.command("schema", "event")

    holds_together(bodies)
    each_says_what_it_changed({body["type"].removeprefix("invoice."): body for body in bodies})
    assert shown["invoice"] == bodies[-1]["data"]["invoice"]
    assert [event["type"] for event in shown["events"]] == [body["type"] for body in bodies]
    for body in bodies:
        Draft202012Validator(schema).validate(body)  # pyright: ignore[reportUnknownMemberType]  # untyped there


async def test_what_happens_between_two_polls_is_recorded_in_the_order_of_the_table(site: Site) -> None:
    """Draft to paid by another due date, another total, a credit and a failed attempt, all unseen."""
    ledger = site.sandbox.ledger
    draft = ledger.create("meteroid", "inv_1", EUR, 100_000, FAR, draft=True)
    late = ledger.create("chargeover", "7", EUR, 100_000, LATE)
    void = ledger.create("chargeover", "8", EUR, 100_000, FAR)
    for provider, ids in (("meteroid", ["inv_1"]), ("chargeover", ["7", "8"])):
        site.source(provider)
        site.watch(provider, *ids)
    site.write()
    await site.command("run", "--once")

    for bill in (draft, late):
        ledger.change_due(bill, FAR.replace(day=15))
        ledger.change_total(bill, 90_000)
        ledger.credit(bill, 10_000)
        ledger.fail_payment(bill)
        ledger.pay(bill, 100_000)
    ledger.void(void)
    await site.command("run", "--once")

    bodies = await site.hears(
        "inv_1", "tracked", "finalized", "credited", "payment_failed", "paid", "overpaid", "updated"
    )  # fmt: skip
    assert changed(bodies[-1]) == {"line_count": (1, 2)}
    holds_together(bodies)
    assert bodies[1]["data"]["inferred"] is True
    assert amounts("total", "1000.00", "900.00").items() <= changed(bodies[1]).items()
    assert changed(bodies[1])["due_on"] == ("2036-01-31", "2036-01-15")
    after = await site.hears(
        "7", "tracked", "overdue", "due_date_changed", "amount_changed", "credited", "payment_failed", "paid",
        "overpaid", "updated", "overdue_cleared",
    )  # fmt: skip
    holds_together(after)
    assert changed(after[-1]) == {"overdue": (True, False)}
    assert after[-1]["data"]["reason"] == "paid"
    assert (await site.hears("8", "tracked", "voided"))[1]["data"]["invoice"]["amounts"][0]["total"] == "0.00"
    assert amounts("total", "1000.00", "0.00").items() <= changed(site.bodies("8")[1]).items()


async def live_through(  # noqa: PLR0917 - one bill each
    site: Site, dollr: Bill, owed: Bill, gone: Bill, rapyd: Bill, late: Bill
) -> None:
    """Three polls of payments that come, and a fourth at one that comes again."""
    ledger = site.sandbox.ledger
    for bill in (dollr, owed, gone, rapyd, late):
        if bill.provider not in site.sources:
            site.source(bill.provider)
        site.watch(bill.provider, bill.id)
    site.write()
    await site.command("run", "--once")
    ledger.start_payment(dollr)
    ledger.pay(owed)
    ledger.void(gone)
    ledger.pay(rapyd)
    ledger.pay(late)
    await site.command("run", "--once")
    ledger.fail_payment(dollr)
    ledger.refund(owed, 100_000)
    ledger.refund(rapyd, 100_000)
    ledger.chargeback(late, 100_000)
    await site.command("run", "--once")
    ledger.pay(late)
    await site.command("run", "--once")


async def test_providers_that_say_less_are_read_for_what_they_mean(site: Site) -> None:
    """Dollr's failure, Fragment's void and falling balance, Rapyd's final `paid`, overdue for the second time."""
    ledger = site.sandbox.ledger
    dollr = ledger.create("dollr", "5", EUR, 100_000, FAR_INSTANT)
    owed, gone = (ledger.create("fragment", name, EUR, 100_000) for name in ("owed", "gone"))
    rapyd = ledger.create("rapyd", rapyd_id(1), EUR, 100_000, FAR_INSTANT)
    late = ledger.create("meteroid", "inv_late", EUR, 100_000, LATE)
    await live_through(site, dollr, owed, gone, rapyd, late)

    failed = (await site.hears("5", "tracked", "payment_pending", "payment_failed"))[-1]["data"]
    assert (failed["inferred"], failed["attempts_delta"]) == (True, None)
    assert changed({"data": failed}) == {
        "payment_pending": (True, False),
        "provider_status": ("PROCESSING", "ACTIVE"),
    }
    reversed_ = (await site.hears("owed", "tracked", "paid", "payment_reversed"))[-1]
    assert changed(reversed_)["status"] == ("paid", "open")
    await site.hears("gone", "tracked", "voided", "updated")
    refunded = (await site.hears(rapyd.id, "tracked", "paid", "refunded"))[-1]
    assert refunded["data"]["invoice"]["status"] == "paid"
    again = await site.hears("inv_late", "tracked", "overdue", "paid", "overdue_cleared", "payment_reversed", "paid")
    holds_together(again)
    assert changed(again[4])["overdue"] == (False, True)
    assert changed(again[5])["overdue"] == (True, False)
