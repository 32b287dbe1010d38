"""The charts of the overview as documents: what is drawn, and the same numbers as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.fakes import stored
from tests.fakes.stored import EUR, OPEN, event
from tests.integration.web.client import Client
from tests.integration.web.reading import Page
from tests.integration.web.visiting import seen, shown
from watcher.core.invoices.invoice import Status
from watcher.ports import DetectionDelay

PAID = replace(EUR, paid=EUR.total, due=EUR.due * 0)


async def test_each_chart_has_a_name_a_description_and_its_numbers_as_a_table(client: Client) -> None:
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday())
    await seen(
        client,
        replace(OPEN, id="inv_1", due_on=monday),
        replace(OPEN, id="inv_2", due_on=monday, status=Status.PAID, amounts=(PAID,)),
        replace(OPEN, id="inv_3", due_on=monday - timedelta(weeks=2)),
    )
    page = await shown(client, "/")
    table = next(table for table in page.tables if table[0][0] == "Due in the week from")
    assert table[0][1:] == ["Paid", "Due", "Together"]
    assert table[1:] == [
        [(monday - timedelta(weeks=2)).isoformat(), "0.00", "10.00", "10.00"],
        [(monday - timedelta(weeks=1)).isoformat(), "0.00", "0.00", "0.00"],
        [f"{monday.isoformat()}, this week", "10.00", "10.00", "20.00"],
    ]
    (chart,) = [one for one in page.all("svg") if one.get("aria-labelledby", "").startswith("weeks-")]
    assert chart["role"] == "img"
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert {chart["aria-labelledby"], chart["aria-describedby"], "weeks-receivable-eur-numbers"} <= ids
    assert f"Highest at {monday.isoformat()}, this week: 20.00 EUR." in page.words
    assert drawn(page, "paid") == [Decimal("76.0")]
    assert drawn(page, "due") == [Decimal("76.0"), Decimal("76.0")]


def drawn(page: Page, kind: str) -> list[Decimal]:
    """The heights of the columns' parts of this kind; bars have whole numbers."""
    parts = [one for one in page.all("rect") if one.get("class") == f"part {kind}" and "." in one["height"]]
    return [Decimal(one["height"]) for one in parts]


async def test_an_installation_that_has_nothing_to_draw_has_no_charts(sqlite_client: Client) -> None:
    page = await shown(sqlite_client, "/")
    assert not [one for one in page.all("svg") if one.get("role") == "img"]


async def test_what_was_sent_and_how_soon_changes_were_seen_is_drawn(client: Client) -> None:
    store, now = client.service.store, datetime.now(UTC)
    minute = timedelta(minutes=1)
    client.service.detection_delays = (DetectionDelay("acme", "adaptive", 1, minute, 1, minute, minute, minute, None),)
    outbox = await stored.listening(store, "ledger")
    late = replace(event("evt_1", "invoice.paid", "ledger"), timestamp=now, delay=timedelta(seconds=30))
    await stored.record_events(store, "inv_1", late)
    (claimed,) = await stored.send(outbox, ledger=1)
    await outbox.settle([stored.delivered(claimed, now)])
    page = await shown(client, "/")
    hours = next(table for table in page.tables if table[0][0] == "Hour from")
    assert (hours[0][1:], len(hours)) == (["Delivered", "Failed", "Together"], 25)
    assert hours[-1] == [f"{now:%Y-%m-%d %H}:00", "1", "0", "1"]
    delays = next(table for table in page.tables if table[0][0] == "Seen")
    assert [row for row in delays[1:] if row[1] != "0"] == [["within 1 min", "1"]]
    days = next(table for table in page.tables if table[0][0] == "Day")
    assert days[-1] == [now.date().isoformat(), "1"]
