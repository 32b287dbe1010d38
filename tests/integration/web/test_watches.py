"""Watches by API: made, listed, polled and stopped."""

import pytest

from tests.fakes import stored
from tests.integration.web.client import Client, segment
from tests.integration.web.reading import read
from tests.integration.web.visiting import shown
from watcher.store import SqlWatches, Store

STRANGE = ("a/b", "a?b=c", "a#b", "100%", "{id}", "two words", "a%2Fb", "ümläut", "..%2f", "a+b", "a;b=c", "'\"<>&\\|")


async def test_a_watch_is_made_once_and_then_there(client: Client) -> None:
    desired = {"source": "acme", "invoice_id": "inv_1", "tags": ["vip", "vip"], "due_on": "2026-12-01", "note": "Ada's"}
    made = await client.post("/api/v1/watches", 201, desired)
    next_poll_at = made.pop("next_poll_at")
    assert made == {
        "source": "acme",
        "invoice_id": "inv_1",
        "tags": ["vip"],
        "due_on": "2026-12-01",
        "note": "Ada's",
        "origins": ["api"],
        "state": "active",
        "last_polled_at": None,
        "last_error": None,
    }
    assert next_poll_at.endswith("Z")
    again = await client.post("/api/v1/watches", 200, {"source": "acme", "invoice_id": "inv_1"})
    assert (again["tags"], again["note"]) == (["vip"], "Ada's")
    listed = await client.get("/api/v1/watches?source=acme")
    assert [item["invoice_id"] for item in listed["items"]] == ["inv_1"]
    assert listed["next"] is None


@pytest.mark.parametrize("invoice_id", STRANGE)
async def test_an_id_of_any_characters_is_one_segment_of_the_path(sqlite_client: Client, invoice_id: str) -> None:
    client, path = sqlite_client, segment(invoice_id)
    made = await client.post("/api/v1/watches", 201, {"source": "acme", "invoice_id": invoice_id})
    assert made["invoice_id"] == invoice_id
    assert (await client.get(f"/api/v1/invoices/acme/{path}"))["invoice"] is None
    assert (await client.get(f"/api/v1/invoices/acme/{path}/timeline"))["items"] == []
    assert (await client.post(f"/api/v1/invoices/acme/{path}/poll", 202))["poll_at"].endswith("Z")
    assert (await client.ask("DELETE", f"/api/v1/watches/acme/{path}")).status == 204
    assert (await client.ask("DELETE", f"/api/v1/watches/acme/{path}")).status == 404


async def test_a_discovered_watch_is_listed_as_such_and_taken_back_for_good(store: Store, client: Client) -> None:
    watches = SqlWatches(store)
    await watches.discover("acme", ["inv_1"], stored.NOW)
    (item,) = (await client.get("/api/v1/watches?source=acme"))["items"]
    assert item["origins"] == ["discovered"]
    assert (await client.ask("DELETE", "/api/v1/watches/acme/inv_1")).status == 204
    assert await watches.discover("acme", ["inv_1"], stored.NOW) == 0


async def test_a_watch_that_only_a_file_lists_cannot_be_taken_back_here(client: Client) -> None:
    refused = await client.ask("DELETE", "/api/v1/watches/other/inv_listed")
    assert refused.status == 409
    assert "list.csv:2" in refused.document["detail"]
    both = await client.post("/api/v1/watches", 200, {"source": "other", "invoice_id": "inv_listed"})
    assert both["origins"] == ["file", "api"]
    assert (await client.ask("DELETE", "/api/v1/watches/other/inv_listed")).status == 204
    (left,) = (await client.get("/api/v1/watches"))["items"]
    assert left["origins"] == ["file"]


@pytest.mark.parametrize(
    ("desired", "at"),
    [
        ({"source": "acme"}, "invoice_id"),
        ({"source": "acme", "invoice_id": ""}, "invoice_id"),
        ({"source": "acme", "invoice_id": ".."}, "invoice_id"),
        ({"source": "acme", "invoice_id": "a\nb"}, "invoice_id"),
        ({"source": "acme", "invoice_id": "x" * 256}, "invoice_id"),
        ({"source": "acme", "invoice_id": 7}, "invoice_id"),
        ({"source": "acme", "invoice_id": "\ud800"}, "invoice_id"),
        ({"source": "acme", "invoice_id": "a", "tags": ["x" * 65]}, "tags.0"),
        ({"source": "acme", "invoice_id": "a", "tags": [str(n) for n in range(21)]}, "tags"),
        ({"source": "acme", "invoice_id": "a", "due_on": "2026-02-30"}, "due_on"),
        ({"source": "acme", "invoice_id": "a", "due_on": 0}, "due_on"),
        ({"source": "acme", "invoice_id": "a", "note": "x" * 1001}, "note"),
        ({"source": "acme", "invoice_id": "a", "colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_watch_is_refused_with_the_key_that_is_wrong(
    sqlite_client: Client, desired: dict[str, object], at: str
) -> None:
    refused = await sqlite_client.ask("POST", "/api/v1/watches", body=desired)
    assert (refused.status, [one["at"] for one in refused.document["errors"]]) == (400, [at])


async def test_an_unknown_source_or_invoice_is_not_found(sqlite_client: Client) -> None:
    client = sqlite_client
    unknown = await client.ask("POST", "/api/v1/watches", body={"source": "nobody", "invoice_id": "a"})
    assert (unknown.status, unknown.document["detail"]) == (404, "no source nobody: configured are acme, other")
    for method, path in (
        ("GET", "/api/v1/invoices/acme/never"),
        ("GET", "/api/v1/invoices/acme/never/timeline"),
        ("POST", "/api/v1/invoices/acme/never/poll"),
        ("DELETE", "/api/v1/watches/acme/never"),
    ):
        assert (await client.ask(method, path)).status == 404


async def test_pages_are_stable_while_watches_come_and_go(client: Client) -> None:
    for number in range(5):
        await client.post("/api/v1/watches", 201, {"source": "acme", "invoice_id": f"inv_{number}"})
    first = await client.get("/api/v1/watches?limit=2")
    assert [item["invoice_id"] for item in first["items"]] == ["inv_0", "inv_1"]
    await client.ask("DELETE", "/api/v1/watches/acme/inv_1")
    await client.post("/api/v1/watches", 201, {"source": "acme", "invoice_id": "inv_00"})
    second = await client.get(f"/api/v1/watches?limit=3&cursor={first['next']}")
    assert [item["invoice_id"] for item in second["items"]] == ["inv_2", "inv_3", "inv_4"]
    last = await client.get(f"/api/v1/watches?limit=3&cursor={second['next']}")
    assert ([item["invoice_id"] for item in last["items"]], last["next"]) == (["inv_listed"], None)


async def test_tags_and_note_are_changed_and_what_is_absent_stays(client: Client) -> None:
    await client.post("/api/v1/watches", 201, {"source": "acme", "invoice_id": "a/b", "tags": ["old"], "note": "n"})
    path = "/api/v1/watches/acme/a%2Fb"
    changed = await client.ask("PATCH", path, body={"tags": ["vip", "vip"]})
    assert changed.status == 200
    assert (changed.document["tags"], changed.document["note"]) == (["vip"], "n")
    assert (await client.ask("PATCH", path, body={"note": None})).document["note"] is None
    assert (await client.ask("PATCH", path, body={})).document["tags"] == ["vip"]
    for wrong in ({"tags": [""]}, {"tags": "vip"}, {"note": "x" * 1001}, {"due_on": "2026-12-01"}):
        assert (await client.ask("PATCH", path, body=wrong)).status == 400
    assert (await client.ask("PATCH", "/api/v1/watches/acme/inv_9", body={"note": "x"})).status == 404
    refused = await client.ask("PATCH", "/api/v1/watches/other/inv_listed", body={"note": "x"})
    assert refused.status == 409
    assert "list.csv:2: edit its tags and note there" in refused.document["detail"]


async def test_tags_and_note_are_edited_on_the_page_of_the_invoice(client: Client) -> None:
    await client.post("/api/v1/watches", 201, {"source": "acme", "invoice_id": "a/b", "tags": ["x;y, z"]})
    page, edit = "/invoices/acme/a%2Fb", "/invoices/acme/a%2Fb/edit"
    assert (await shown(client, page)).form(edit).words.split("Note")[0].endswith("\nx;y, z\n")
    form = {"tags": "x;y, z\r\n\r\n <b>vip</b> ", "note": "Ask\r\nAda"}
    answer = await client.ask("POST", edit, headers={"Referer": client.url + page}, data=form)
    assert (answer.status, answer.headers["Location"]) == (303, page)
    (item,) = (await client.get("/api/v1/watches?source=acme"))["items"]
    assert (item["tags"], item["note"]) == (["x;y, z", "<b>vip</b>"], "Ask\nAda")
    assert "<b>vip</b>" in (await shown(client, page)).words
    wrong = await client.ask("POST", edit, data={"tags": "x" * 65, "note": ""})
    assert wrong.status == 400
    assert "tags.0: " in read(wrong.text).words
    listed = await shown(client, "/invoices/other/inv_listed")
    assert "Its tags and note are edited in the watch list" in listed.words
    assert "list.csv" in listed.words
