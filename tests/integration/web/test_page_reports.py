"""The reports of the page: what is due and for how long, who changed what, and the lists as files."""

from dataclasses import replace

from tests.fakes import stored
from tests.fakes.stored import NOW, OPEN
from tests.integration.web.client import Client
from tests.integration.web.visiting import seen, shown
from watcher.core.invoices.invoice import Customer


async def test_the_aging_page_adds_up_what_is_due_by_source_customer_and_tag(client: Client) -> None:
    customer = Customer("cus_<b>7</b>", None)
    await seen(
        client,
        replace(OPEN, id="inv_1", due_at=NOW, tags=("vip",), customer=customer),
        replace(OPEN, id="inv_2", due_at=NOW, customer=customer),
    )
    due = f"{2 * stored.EUR.due:,}"
    for by, first in (("source", "acme"), ("customer", "cus_<b>7</b> acme"), ("tag", "no tag")):
        (table,) = (await shown(client, f"/aging?by={by}")).tables
        assert table[0][0] == by.capitalize()
        assert table[1][0] == first
        assert table[1][-1] == (f"{stored.EUR.due:,} 1" if by == "tag" else f"{due} 2")
    vip = (await shown(client, "/aging?by=tag")).tables[0][2]
    assert (vip[0], vip[-1]) == ("vip", f"{stored.EUR.due:,} 1")


async def test_an_unknown_grouping_is_refused_in_words(sqlite_client: Client) -> None:
    page = await shown(sqlite_client, "/aging?by=weather", status=400)
    assert "by: " in page.words


async def test_what_is_done_on_the_page_stands_in_the_audit_trail(client: Client) -> None:
    await seen(client, replace(OPEN, id="inv_1"))
    answer = await client.ask("POST", "/invoices/acme/inv_1/poll")
    assert answer.status == 303
    (table,) = (await shown(client, "/audit")).tables
    assert table[1][0] == "watch.poll"
    assert table[1][3] == "acme inv_1"


async def test_each_list_leads_to_its_file_with_the_same_filters(client: Client) -> None:
    await seen(client, replace(OPEN, id="inv_1", tags=("vip",)), replace(OPEN, id="inv_2"))
    link = (await shown(client, "/invoices?tag=vip")).links["All of it as CSV"]
    file = await client.ask("GET", link)
    assert file.headers["Content-Type"].startswith("text/csv")
    assert "inv_1" in file.text
    assert "inv_2" not in file.text
    for path, word in (
        ("/watches", "inv_1"),
        ("/events", "evt_inv_1"),
        ("/deliveries", "evt_inv_1"),
        ("/aging", "acme"),
    ):
        answer = await client.ask("GET", (await shown(client, path)).links["All of it as CSV"])
        assert answer.status == 200
        assert word in answer.text
