"""When invoices are polled: settled ones ever less, by cron, again when somebody asks, on after a pause."""

import signal
from datetime import UTC, datetime
from itertools import pairwise

from tests.acceptance.bills import FAR
from tests.acceptance.daemon import Body, Site, until


async def listed(site: Site) -> Body:
    (row,) = await site.command("watch", "list")
    return row


async def test_a_settled_invoice_is_polled_ever_less_and_retires_until_somebody_asks(site: Site) -> None:
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 1000, FAR)
    ledger.pay(bill)
    site.watcher["keep_settled"] = "6s"
    site.source("meteroid", policy="cron", cron="0 0 1 1 *")
    site.watch("meteroid", "inv_1")
    async with site.running():
        await site.hears("inv_1", "tracked")
        while (row := await listed(site))["state"] == "active":
            assert row["next_poll_at"] is not None
        polls = site.asked("inv_1")
        assert (row["state"], row["next_poll_at"]) == ("retired", None)
        ledger.refund(bill, 300)
        await site.command("watch", "poll", "meteroid", "inv_1")
        await site.hears("inv_1", "tracked", "refunded")
        await site.polls_again("inv_1", 2)

    pauses = [later - earlier for earlier, later in pairwise(polls)]
    assert len(polls) >= 3
    assert pauses[-1] > pauses[0] * 0.9
    assert len(polls) <= 10


async def test_cron_counts_weekdays_from_sunday_in_the_zone_of_the_source(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000, FAR)
    for name, expression in (("zero", "30 9 * * 0"), ("seven", "30 9 * * 7"), ("first", "*/7 0 1 3 *")):
        site.source("meteroid", name=name, policy="cron", cron=expression, timezone="Asia/Tokyo")
        site.watch(name, "inv_1")
    site.write()
    await site.command("run", "--once")

    rows = await site.command("watch", "list")
    planned = {row["source"]: datetime.fromisoformat(row["next_poll_at"]).astimezone(UTC) for row in rows}
    assert planned["zero"] == planned["seven"]
    assert (planned["zero"].isoweekday(), planned["zero"].strftime("%H:%M:%S.%f")) == (7, "00:30:00.000000")
    assert planned["first"].strftime("%m-%d %H:%M:%S") in {"02-28 15:00:00", "02-29 15:00:00"}


async def test_a_watch_that_left_its_list_stops_and_continues_when_it_returns(site: Site) -> None:
    ledger = site.sandbox.ledger
    bill = ledger.create("meteroid", "inv_1", "EUR", 1000, FAR)
    ledger.create("meteroid", "inv_2", "EUR", 1000, FAR)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.watch("meteroid", "inv_2")
    async with site.running() as daemon:
        await site.hears("inv_1", "tracked")
        kept = site.lists["meteroid-0.toml"]
        site.lists["meteroid-0.toml"] = 'source = "meteroid"\n'
        site.write()
        daemon.signal(signal.SIGHUP)
        await until(lambda: daemon.has_logged("watchlists.applied", removed=1), "it is stopped")
        polls = len(site.asked("inv_1"))
        ledger.pay(bill)
        await site.polls_again("inv_2")
        assert len(site.asked("inv_1")) == polls
        site.lists["meteroid-0.toml"] = kept
        site.write()
        daemon.signal(signal.SIGHUP)
        bodies = await site.hears("inv_1", "tracked", "paid")

    assert [body["data"]["sequence"] for body in bodies] == [1, 2]
    assert bodies[1]["data"]["observed_after"] is not None
