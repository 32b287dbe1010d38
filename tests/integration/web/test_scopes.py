"""What a token that only reads may do, and how the audit trail names who did what."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.stored import OPEN
from tests.integration.web.client import TOKEN, Client
from tests.integration.web.conftest import CONFIG, served
from tests.integration.web.reading import read
from tests.integration.web.visiting import PATHS, seen, shown
from watcher.store import Store
from watcher.web.api.routes import OPERATIONS
from watcher.web.page.routes import ACTS, ADDING

READER = "reader-1a2b3c4d"
TOKENS = 'token = {{ env = "TOKEN" }}\n[http.tokens.finance]\ntoken = {{ file = "finance.txt" }}\n'
BODIES = {"add_watch": {"source": "acme", "invoice_id": "inv_new"}, "edit_watch": {"note": "mine"}}
CHANGING = [one for one in OPERATIONS if one.method != "GET"]
SEGMENTS = {"source": "acme", "invoice_id": "inv_1", "name": "ledger", "delivery_id": "dlv_1"}


@pytest.fixture
async def scoped(sqlite_store: Store, tmp_path: Path) -> AsyncGenerator[Client]:
    """A service with the operator's token and one that reads, and one invoice with a delivery."""
    (tmp_path / "finance.txt").write_text(READER)
    async with served(tmp_path, sqlite_store, token=False, config=CONFIG.replace("{token}\n", TOKENS)) as client:
        await seen(client, OPEN)
        yield client


def path_of(operation: Any) -> str:  # noqa: ANN401 -- any of them
    return operation.path.format(**SEGMENTS)


async def audited(client: Client) -> list[dict[str, str]]:
    return (await client.get("/api/v1/audit"))["items"]


@pytest.mark.parametrize("operation", CHANGING, ids=lambda one: one.name)
async def test_a_token_that_reads_changes_nothing_by_api(scoped: Client, operation: Any) -> None:  # noqa: ANN401 -- same
    before = [await scoped.get(f"/api/v1/{name}") for name in ("watches", "endpoints", "deliveries")]
    body = BODIES.get(operation.name)
    refused = await scoped.ask(operation.method, path_of(operation), token=READER, body=body)
    assert refused.status == 403
    assert "the token finance may read and change nothing" in refused.document["detail"]
    assert [await scoped.get(f"/api/v1/{name}") for name in ("watches", "endpoints", "deliveries")] == before
    (entry,) = await audited(scoped)
    assert entry["who"] == "token:finance"
    assert entry["outcome"].startswith("refused: the token finance may read")
    again = await scoped.ask(operation.method, path_of(operation), token=READER, body=body)
    assert (again.status, len(await audited(scoped))) == (403, 1)


async def test_a_token_that_reads_sees_everything(scoped: Client) -> None:
    for operation in OPERATIONS:
        if operation.method == "GET" and "stream" not in operation.path and "{name}" not in operation.path:
            assert (await scoped.ask("GET", path_of(operation), token=READER)).status == 200, operation.path


async def log_in(client: Client, token: str) -> dict[str, str]:
    answer = await client.ask("POST", "/login", token=None, data={"token": token})
    (morsel,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert token not in morsel.value
    return {"Cookie": f"{morsel.key}={morsel.value}"}


async def test_the_page_offers_no_action_to_who_only_reads_and_refuses_forced_ones_in_words(scoped: Client) -> None:
    session = await log_in(scoped, READER)
    for path in (*PATHS, "/watches/add", "/invoices/acme/inv_1"):
        page = read((await scoped.ask("GET", path, token=None, headers=session)).text)
        assert [one.action for one in page.forms if one.method == "post"] == ["/logout", "/timezone"], path
        assert "read only" in page.words
    for path in (*ACTS, ADDING, "/watches/add"):
        forced = path.replace(":[^/]+", "").format(**SEGMENTS)
        refused = await scoped.ask("POST", forced, token=None, headers=session)
        assert refused.status == 403
        assert "the token finance may read and change nothing" in read(refused.text).words
    assert {entry["who"] for entry in await audited(scoped)} == {"page:finance"}
    (ledger,) = [one for one in (await scoped.get("/api/v1/endpoints"))["items"] if one["name"] == "ledger"]
    assert ledger["state"] == "active"


async def test_the_audit_trail_names_who_did_what_to_what(scoped: Client) -> None:
    await scoped.post("/api/v1/watches", 201, {"source": "acme", "invoice_id": "inv_2"})
    session = await log_in(scoped, TOKEN)
    await scoped.ask("POST", "/endpoints/ledger/disable", token=None, headers=session)
    await scoped.post("/api/v1/endpoints/nobody/enable", 404)
    assert (await scoped.ask("DELETE", "/api/v1/watches/other/inv_listed")).status == 409
    assert (await scoped.ask("POST", "/api/v1/endpoints/ledger/test")).status == 200
    entries = [(one["who"], one["action"], one["target"], one["outcome"]) for one in await audited(scoped)]
    (listed,) = [entry for entry in entries if entry[1] == "watch.remove"]
    assert listed[3].startswith("refused: other inv_listed is listed in ")
    assert [entry for entry in entries if entry is not listed] == [
        ("token:default", "endpoint.test", "ledger", "failed: connect"),
        ("token:default", "endpoint.enable", "nobody", "refused: no endpoint nobody"),
        ("page:default", "endpoint.disable", "ledger", "done"),
        ("token:default", "watch.add", "acme inv_2", "done"),
    ]
    newest = await scoped.get("/api/v1/audit?limit=2")
    rest = await scoped.get(f"/api/v1/audit?cursor={newest['next']}")
    assert newest["items"] + rest["items"] == await audited(scoped)
    assert rest["next"] is None
    at = newest["items"][-1]["at"]
    assert (await scoped.get(f"/api/v1/audit?since={at}"))["items"] == newest["items"]
    for wrong in ("yesterday", "2026-11-22", "2026-13-01T00:00:00Z", "1"):
        assert (await scoped.ask("GET", f"/api/v1/audit?since={wrong}")).status == 400


async def test_without_a_token_it_is_loopback_that_acts(open_client: Client) -> None:
    body = {"source": "acme", "invoice_id": "inv_1"}
    assert (await open_client.ask("POST", "/api/v1/watches", token=None, body=body)).status == 201
    assert [entry["who"] for entry in await audited(open_client)] == ["loopback"]


async def test_a_token_in_a_file_is_replaced_by_a_reload_and_its_sessions_end(scoped: Client) -> None:
    session = await log_in(scoped, READER)
    scoped.service.configuration.path.with_name("finance.txt").write_text("another")
    await scoped.service.reload(forced=True)
    assert (await scoped.ask("GET", "/api/v1/watches", token=READER)).status == 401
    assert (await scoped.ask("GET", "/api/v1/watches", token=None, headers=session)).status == 401
    assert (await scoped.ask("GET", "/api/v1/watches", token="another")).status == 200


async def test_an_operators_page_has_its_actions(scoped: Client) -> None:
    await seen(scoped, replace(OPEN, id="inv_2"))
    page = await shown(scoped, "/watches")
    assert page.form("/invoices/acme/inv_2/poll").words.startswith("Poll now")
