"""Sorted lists, customers, forecast and days sales outstanding, as people and programs ask for them over HTTP."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from tests.fakes.seen_invoices import due, money, paid
from tests.integration.web.client import Client
from tests.integration.web.reading import Page
from tests.integration.web.visiting import seen, shown
from watcher.core.invoices.invoice import Customer
from watcher.web.page.formatting import NONE

TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)
ADA, BOB = Customer("cus/1", None), Customer("cus_2", None)


async def some(client: Client) -> None:
    await seen(
        client,
        due("inv_a", "9.00", TODAY - 3 * DAY, customer=ADA),
        due("inv_b", "10.00", TODAY + 7 * DAY, customer=ADA),
        due("inv_c", "8.00", customer=BOB),
        due("inv_d", "7.00", TODAY, customer=BOB, amounts=(money("700", currency="JPY"),)),
        replace(paid("inv_e", "5.00", TODAY - 30 * DAY, None), customer=ADA, number=None),
    )


def listed(page: Page) -> list[str]:
    return [row[0].removeprefix("2026-1 ").removeprefix("inv_") for row in page.tables[-1][1:]]


async def test_column_heads_sort_keep_the_filters_and_turn_the_order_round(client: Client) -> None:
    await some(client)
    page = await shown(client, "/invoices?source=acme")
    assert not [one for one in page.all("th") if "aria-sort" in one]
    page = await shown(client, page.links["Due on"])
    assert listed(page) == ["a", "d", "b", "c", "e"]
    assert [one["aria-sort"] for one in page.all("th") if "aria-sort" in one] == ["ascending"]
    assert "source=acme" in page.links["Due on"]
    page = await shown(client, page.links["Due on"])
    assert listed(page) == ["b", "d", "a", "c", "e"]
    assert [one["aria-sort"] for one in page.all("th") if "aria-sort" in one] == ["descending"]
    page = await shown(client, page.links["Due"])
    assert listed(page) == ["d", "b", "a", "c", "e"]
    assert "Amounts of different currencies are not compared" in page.words
    page = await shown(client, "/invoices?currency=EUR&sort=amount_due")
    assert listed(page) == ["e", "c", "a", "b"]
    assert "not compared" not in page.words


async def test_sorted_pages_of_the_api_follow_each_other(client: Client) -> None:
    await some(client)
    found: list[str] = []
    path = following = "/api/v1/invoices?sort=amount_due&order=desc&limit=2"
    while following:
        answer = await client.get(following)
        found += [item["id"] for item in answer["items"]]
        following = answer["next"] and f"{path}&cursor={answer['next']}"
    assert found == ["inv_d", "inv_b", "inv_a", "inv_c", "inv_e"]
    file = await client.ask("GET", "/api/v1/invoices.csv?sort=amount_due&order=desc")
    assert [line.split(",")[1] for line in file.text.splitlines()[1:]] == found
    one = await client.get(f"/api/v1/invoices?customer={quote('cus/1', safe='')}&sort=due_date")
    assert [item["id"] for item in one["items"]] == ["inv_a", "inv_b", "inv_e"]


@pytest.mark.parametrize("path", ["/api/v1/invoices?sort=age", "/invoices?sort=last_change"])
async def test_the_cursor_of_another_order_is_refused(sqlite_client: Client, path: str) -> None:
    await some(sqlite_client)
    cursor = (await sqlite_client.get("/api/v1/invoices?sort=due_date&limit=1"))["next"]
    refused = await sqlite_client.ask("GET", f"{path}&cursor={cursor}")
    assert refused.status == 404
    assert "cursor" in refused.text


async def test_an_invoice_leads_to_its_customer_and_the_customer_to_its_invoices(client: Client) -> None:
    await some(client)
    customers = await shown(client, (await shown(client, "/invoices/acme/inv_a")).links["cus/1"])
    sums, aging, invoices = customers.tables
    assert sums[1] == ["EUR", "19.00 2", "9.00 1", "5.00", "3", "2 open, 1 paid"]
    assert [cell.strip() for cell in aging[1]] == ["EUR", "10.00 1", "9.00 1", NONE, NONE, NONE, NONE]
    assert [row[0] for row in invoices[1:]] == ["2026-1", "2026-1", "inv_e"]
    file = await client.ask("GET", customers.links["All of it as CSV"])
    assert [line.split(",")[1] for line in file.text.splitlines()[1:]] == ["inv_a", "inv_b", "inv_e"]
    (everybody,) = (await shown(client, "/customers")).tables
    assert [[cell.strip() for cell in row] for row in everybody[1:]] == [
        ["cus/1", "acme", "19.00 EUR", "9.00 EUR", "5.00 EUR", "3"],
        ["cus_2", "acme", "8.00 EUR 700 JPY", NONE, NONE, "2"],
    ]
    aged = await shown(client, "/aging?by=customer")
    assert aged.links["cus/1"] == "/customers/acme/cus%2F1"
    assert "No customer is like that" in (await shown(client, "/customers?search=zz")).words
    await shown(client, "/customers/acme/nobody", status=404)


async def test_the_forecast_and_days_sales_outstanding_are_the_same_on_the_page_and_in_the_api(client: Client) -> None:
    await some(client)
    page = await shown(client, "/forecast?source=acme")
    assert [table[1][:3] for table in page.tables] == [["Overdue", "9.00", "1"], ["Overdue", NONE, NONE]]
    items = (await client.get("/api/v1/forecast?source=acme&limit=15"))["items"]
    assert [(item["count"], item["due"]) for item in items if item["count"]] == [
        (1, "9.00"), (1, "10.00"), (1, "8.00"),
    ]  # fmt: skip
    cursor = (await client.get("/api/v1/forecast?limit=15"))["next"]
    rest = await client.get(f"/api/v1/forecast?cursor={cursor}")
    assert ({item["currency"] for item in rest["items"]}, rest["next"]) == ({"JPY"}, None)
    assert (await client.get("/api/v1/forecast?source=other"))["items"] == []

    page = await shown(client, "/dso")
    assert page.tables[0][-1][0] == "Payment date not known"
    assert page.tables[0][-1][5] == "1"
    last = (await client.get("/api/v1/dso"))["items"][-1]
    assert (last["month"], last["invoices"], last["left_out"]) == (None, 0, 1)
