"""What only the clock makes true: due soon, overdue, reminders; and what must not make it true twice."""

import signal
from datetime import UTC, datetime, timedelta

from tests.acceptance.bills import FAR_INSTANT, LATE
from tests.acceptance.daemon import Body, Site, until
from watcher.sandbox import Bill, Fault, FaultKind


def ahead(seconds: float) -> datetime:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def occurred(body: Body) -> datetime:
    return instant(body["data"]["occurred_at"])


async def test_due_soon_overdue_and_reminders_come_once_each_at_their_instants_and_from_a_new_poll(
    site: Site,
) -> None:
    site.watcher |= {"due_soon": ["2s", "3s"], "grace": "1s", "reminders": ["2s", "3s"]}
    site.source("dollr", policy="cron", cron="0 0 1 1 *", timezone="UTC")

    async with site.running() as daemon:
        due = ahead(7)
        site.sandbox.ledger.create("dollr", "1", "USD", 100, due)
        site.watch("dollr", "1")
        site.write()
        daemon.signal(signal.SIGHUP)
        bodies = await site.hears("1", "tracked", "due_soon", "due_soon", "overdue", "overdue_reminder",
                                  "overdue_reminder")  # fmt: skip

    assert [occurred(body) - due for body in bodies[1:]] == [timedelta(seconds=at) for at in (-3, -2, 1, 2, 3)]
    assert [body["data"].get("offset") for body in bodies] == [None, "3s", "2s", None, "2s", "3s"]
    for body in bodies[1:]:
        assert instant(body["data"]["snapshot_at"]) >= occurred(body)
        assert body["data"]["snapshot_at"] == body["data"]["observed_at"]
    assert bodies[3]["data"]["changes"] == [{"field": "overdue", "before": False, "after": True}]
    assert len(site.asked("/retrieve/1")) == 6


async def test_after_a_gap_overdue_is_recorded_but_only_the_latest_reminder(site: Site) -> None:
    site.watcher |= {"due_soon": ["2s", "1s"], "reminders": ["1s", "2s", "3s", "1d"]}
    site.source("dollr")
    paid, late = await tracked_in_time(site)
    assert isinstance(late.due, datetime)
    past = late.due + timedelta(seconds=3)
    await until(lambda: ahead(0) > past, "the gap ends")

    site.sandbox.ledger.pay(paid)
    await site.command("run", "--once")
    await site.command("run", "--once")

    await site.hears(paid.id, "tracked", "paid")
    bodies = await site.hears(late.id, "tracked", "overdue", "overdue_reminder")
    assert bodies[-1]["data"]["offset"] == "3s"


async def tracked_in_time(site: Site) -> tuple[Bill, Bill]:
    """Two bills of one due instant that were seen some seconds before it; on a slow machine it takes several tries."""
    for number, lead in enumerate((5, 15, 30), start=1):
        due = ahead(lead)
        bills = [site.sandbox.ledger.create("dollr", f"{number}{which}", "USD", 100, due) for which in (1, 2)]
        site.watch("dollr", *(bill.id for bill in bills))
        site.write()
        await site.command("run", "--once")
        if all(site.recorded(bill.id) == ["tracked"] for bill in bills) and ahead(2) < due:
            return bills[0], bills[1]
    raise AssertionError("this machine is too slow")


async def test_a_due_date_that_moves_clears_and_is_overdue_anew_but_never_twice_for_one_value(site: Site) -> None:
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 100, LATE)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.write()
    recorded = ["tracked", "overdue"]
    await site.command("run", "--once")
    for due, events in (
        (LATE.replace(day=1), ["due_date_changed", "overdue_cleared", "overdue"]),
        (LATE, ["due_date_changed", "overdue_cleared"]),
        (LATE.replace(year=2036), ["due_date_changed"]),
        (LATE, ["due_date_changed"]),
    ):
        ledger.change_due(bill, due)
        await site.command("run", "--once")
        recorded += events
    bodies = await site.hears("inv_1", *recorded)

    assert bodies[3]["data"]["reason"] == "due_date_changed"
    assert bodies[1]["data"]["occurred_at"] == "2020-03-01T00:00:00Z"
    assert len({body["data"]["event_id"] for body in bodies}) == len(bodies)
    assert bodies[-1]["data"]["invoice"]["overdue"] is True


async def test_changed_tags_timezone_and_grace_are_configuration_and_make_no_second_overdue(
    site: Site,
) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 100, LATE)
    site.source("meteroid")
    site.watch("meteroid", "inv_1", tags=["a"])
    site.endpoint("quiet")
    site.watcher["announce_tracked"] = True
    site.write()
    await site.command("run", "--once")

    site.sources["meteroid"]["timezone"] = "America/Chicago"
    site.lists.clear()
    site.watch("meteroid", "inv_1", tags=["b"])
    site.write()
    await site.command("run", "--once")
    site.watcher |= {"grace": "36000d", "reminders": [], "announce_tracked": False}
    site.write()
    await site.command("run", "--once")
    site.watcher["grace"] = "1s"
    site.watch("meteroid", "inv_1", tags=["c"])
    site.write()
    await site.command("run", "--once")

    bodies = await site.hears("inv_1", "tracked", "overdue", "updated", "overdue_cleared")
    assert (bodies[2]["data"]["reason"], bodies[3]["data"]["reason"]) == ("configuration", "other")
    assert [change["field"] for change in bodies[2]["data"]["changes"]] == ["due_at", "tags"]
    recorded = await site.command("events")
    assert [event["type"] for event in recorded][4:] == ["invoice.updated"]
    assert recorded[4]["data"]["invoice"]["overdue"] is True
    assert recorded[4]["data"]["invoice"]["tags"] == ["b", "c"]


async def test_a_clock_event_waits_for_a_new_poll_and_then_is_recorded_from_the_last_one(site: Site) -> None:
    bill = site.sandbox.ledger.create("dollr", "1", "USD", 100, FAR_INSTANT)
    site.watcher["clock_wait"] = "2s"
    site.source("dollr")
    site.watch("dollr", "1")
    async with site.running():
        await site.hears("1", "tracked")
        due = ahead(5)
        site.sandbox.ledger.change_due(bill, due)
        await site.hears("1", "tracked", "due_date_changed")
        site.sandbox.fail_next("dollr", Fault(FaultKind.SERVER_ERROR), times=500)
        overdue = (await site.hears("1", "tracked", "due_date_changed", "overdue"))[-1]

    seen_at = instant(overdue["data"]["snapshot_at"])
    assert seen_at < due
    assert instant(overdue["data"]["observed_at"]) >= due + timedelta(seconds=2)
    assert overdue["data"]["invoice"]["overdue"] is True


async def test_clock_events_are_held_while_our_clock_differs_from_the_providers(site: Site) -> None:
    ledger = site.sandbox.ledger
    site.sandbox.traps.date_skew = timedelta(minutes=-6)
    bill = ledger.create("meteroid", "inv_1", "EUR", 100, LATE)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.watcher["clock_wait"] = "1ms"
    async with site.running():
        await site.hears("inv_1", "tracked")
        ledger.pay(bill, 50)
        held = (await site.hears("inv_1", "tracked", "partially_paid"))[-1]
        site.sandbox.traps.date_skew = timedelta()
        recorded = await site.hears("inv_1", "tracked", "partially_paid", "overdue")

    assert held["data"]["invoice"]["overdue"] is False
    assert recorded[-1]["data"]["changes"] == [{"field": "overdue", "before": False, "after": True}]
