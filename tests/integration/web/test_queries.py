"""Sources, invoices, endpoints and deliveries by API, with real rows behind them, on both databases."""

import jsonschema
from jsonschema import Draft202012Validator

from tests.fakes import stored
from tests.fakes.stored import NOW, delivered, event, send
from tests.integration.web.client import Client
from tests.integration.web.test_openapi import DOCUMENT
from watcher.store import Reports, SqlOutbox, Store


def conforms(document: object, component: str) -> None:
    schema = {"$ref": f"#/components/schemas/{component}", "components": DOCUMENT["components"]}
    jsonschema.validate(document, schema, cls=Draft202012Validator)


async def test_sources_are_listed_with_their_rates(client: Client) -> None:
    page = await client.get("/api/v1/sources?limit=1")
    (source,) = page["items"]
    assert (source["name"], source["rate"], source["state"]) == ("acme", "5/s", "active")
    (rest,) = (await client.get(f"/api/v1/sources?cursor={page['next']}"))["items"]
    assert rest["name"] == "other"


async def test_invoices_are_paged_and_filtered_like_the_command_does(store: Store, client: Client) -> None:
    for number in range(3):
        await stored.record_events(store, f"inv_{number}", event(f"evt_{number}"))
    first = await client.get("/api/v1/invoices?limit=2")
    second = await client.get(f"/api/v1/invoices?limit=2&cursor={first['next']}")
    assert [*first["items"], *second["items"]] == await Reports(store).invoices()
    conforms(first, "InvoicePage")
    assert (await client.get("/api/v1/invoices?overdue=true"))["items"] == []
    assert len((await client.get("/api/v1/invoices?overdue=false&status=open&source=acme"))["items"]) == 3
    shown = await client.get("/api/v1/invoices/acme/inv_1")
    assert shown == await Reports(store).show("acme", "inv_1")


async def test_a_timeline_reports_snapshots_events_and_attempts_in_order(store: Store, client: Client) -> None:
    outbox = SqlOutbox(store)
    await stored.record_events(
        store, "inv_1", event("evt_1", "invoice.paid", "ledger"), event("evt_2", "invoice.paid", "ledger")
    )
    (sent,) = await send(outbox, ledger=10)
    await outbox.settle([delivered(sent, NOW + stored.MINUTE)])
    whole = (await client.get("/api/v1/invoices/acme/inv_1/timeline"))["items"]
    assert [entry["kind"] for entry in whole] == ["snapshot", "event", "event", "attempt"]
    assert [one["state"] for one in whole[1]["deliveries"]] == ["delivered"]
    attempt = whole[-1]
    assert (attempt["endpoint"], attempt["status"], attempt["response"], attempt["milliseconds"]) == (
        "ledger", 200, "ok", 5,
    )  # fmt: skip
    conforms(attempt, "AttemptEntry")
    first = await client.get("/api/v1/invoices/acme/inv_1/timeline?limit=3")
    (last,) = (await client.get(f"/api/v1/invoices/acme/inv_1/timeline?limit=3&cursor={first['next']}"))["items"]
    assert [*first["items"], last] == whole


async def test_deliveries_are_listed_chosen_and_made_again(store: Store, client: Client) -> None:
    outbox = SqlOutbox(store)
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger", "crm"))
    first = await client.get("/api/v1/deliveries?limit=1")
    second = await client.get(f"/api/v1/deliveries?cursor={first['next']}")
    assert [item["endpoint"] for item in (*first["items"], *second["items"])] == ["ledger", "crm"]
    conforms(first, "DeliveryPage")
    for one in await send(outbox):
        await outbox.settle([delivered(one)])
    (ledgers,) = (await client.get("/api/v1/deliveries?state=delivered&endpoint=ledger"))["items"]
    again = await client.post(f"/api/v1/deliveries/{ledgers['delivery_id']}/redeliver", 202)
    assert (again["delivery_id"], again["state"], again["attempts"]) == (ledgers["delivery_id"], "pending", 0)
    assert len((await client.get("/api/v1/deliveries?state=delivered"))["items"]) == 1


async def test_a_delivery_to_an_endpoint_that_is_gone_is_not_made_again(store: Store, client: Client) -> None:
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "gone"))
    refused = await client.ask("POST", "/api/v1/deliveries/dlv_1/redeliver")
    assert (refused.status, "gone is not configured" in refused.document["detail"]) == (409, True)


async def test_an_endpoint_is_switched_off_and_on(client: Client) -> None:
    off = await client.post("/api/v1/endpoints/ledger/disable", 200)
    assert (off["name"], off["state"]) == ("ledger", "disabled")
    states = {item["name"]: item["state"] for item in (await client.get("/api/v1/endpoints"))["items"]}
    assert states == {"crm": "active", "ledger": "disabled"}
    (found,) = (await client.get("/api/v1/events"))["items"]
    assert (found["type"], found["data"]["reason"]) == ("endpoint.disabled", "operator")
    assert (await client.post("/api/v1/endpoints/ledger/enable", 200))["state"] == "active"


async def test_a_test_says_what_came_of_it(sqlite_client: Client) -> None:
    tested = await sqlite_client.post("/api/v1/endpoints/ledger/test", 200)
    assert (tested["delivered"], tested["error"]) == (False, "connect")
    conforms(tested, "Tested")
