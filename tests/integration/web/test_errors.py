"""Every error is a problem document, in words, without what was sent and without a traceback."""

from pathlib import Path

import anyio
import pytest
from yarl import URL

from tests.fakes.poller import WatchedStore
from tests.integration.web.client import Client
from tests.integration.web.conftest import served
from watcher.store import Store


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/invoices/acme//timeline", 404),
        ("GET", "/api/v1/schema/nothing", 404),
        ("PUT", "/api/v1/watches", 405),
        ("DELETE", "/api/v1/watches", 405),
        ("GET", "/api/v1/endpoints/crm/test", 405),
        ("OPTIONS", "/api/v1/watches", 405),
        ("POST", "/healthz", 405),
        ("GET", "/api/v1/watches?limit=0", 400),
        ("GET", "/api/v1/watches?limit=501", 400),
        ("GET", "/api/v1/watches?limit=1.0", 400),
        ("GET", "/api/v1/watches?limit=%C2%B2", 400),
        ("GET", "/api/v1/watches?limit=1&limit=2", 400),
        ("GET", "/api/v1/watches?colour=red", 400),
        ("GET", "/api/v1/watches?source=%FF", 400),
        ("GET", "/api/v1/watches?cursor=x", 404),
        ("GET", "/api/v1/watches?cursor=WzFd", 404),
        ("GET", "/api/v1/deliveries?cursor=WyJhIl0", 404),
        ("GET", "/api/v1/invoices?status=late", 400),
        ("GET", "/api/v1/invoices?overdue=yes", 400),
        ("GET", "/api/v1/events?after=x", 400),
        ("GET", "/api/v1/events?wait=61", 400),
        ("GET", "/api/v1/events?after=9999999999999999999", 400),
        ("GET", "/api/v1/events/stream?after=-1", 400),
        ("POST", "/api/v1/deliveries/dlv_1/redeliver", 404),
        ("POST", "/api/v1/deliveries/dlv_x/redeliver", 404),
        ("POST", "/api/v1/deliveries/1/redeliver", 404),
        ("POST", "/api/v1/deliveries/dlv_99999999999999999999/redeliver", 404),
        ("POST", "/api/v1/endpoints/nobody/test", 404),
        ("POST", "/api/v1/endpoints/nobody/enable", 404),
    ],
)
async def test_an_error_is_a_problem_document(sqlite_client: Client, method: str, path: str, status: int) -> None:
    answer = await sqlite_client.ask(method, path)
    assert answer.status == status, answer.text
    assert answer.document["type"] == "about:blank"
    if status == 405:
        assert answer.headers["Allow"]


async def test_no_answer_names_a_version_of_the_software_even_to_what_is_no_http(sqlite_client: Client) -> None:
    url = URL(sqlite_client.url)
    async with await anyio.connect_tcp(url.host or "", url.port or 0) as connection:
        await connection.send(b"no http\r\n\r\n")
        answer = (await connection.receive()).decode()
    assert answer.startswith("HTTP/1.0 400 ")
    assert "Server: invoice-watcher\r\n" in answer
    assert "aiohttp" not in answer
    assert "Python" not in answer


async def test_a_body_has_to_be_json_and_short(sqlite_client: Client) -> None:
    async def post(data: bytes, content_type: str) -> int:
        headers = {"Content-Type": content_type}
        return (await sqlite_client.ask("POST", "/api/v1/watches", data=data, headers=headers)).status

    assert await post(b"{}", "text/plain") == 415
    assert await post(b"source=acme", "application/x-www-form-urlencoded") == 415
    assert await post(b"{", "application/json") == 400
    assert await post(b"[]", "application/json") == 400
    assert await post(b'{"source": "acme", "source": "other", "invoice_id": "a"}', "application/json") == 400
    assert await post(b'{"source": "acme", "invoice_id": "\xff"}', "application/json") == 400
    assert await post(b"[" * 60_000, "application/json") == 400
    assert await post(b" " * 70_000, "application/json") == 413
    desired = b'{"source": "acme", "invoice_id": "a"}'
    assert await post(desired, "application/json; charset=utf-8") == 201


async def test_what_is_wrong_is_reported_without_what_was_sent(sqlite_client: Client) -> None:
    desired = {"source": "acme", "invoice_id": "a", "note": ["marked-b4c5d6"]}
    refused = await sqlite_client.ask("POST", "/api/v1/watches", body=desired)
    assert "marked-b4c5d6" not in refused.text


async def test_a_database_that_is_away_is_said_and_the_process_lives(sqlite_store: Store, tmp_path: Path) -> None:
    store = WatchedStore.of(sqlite_store)
    async with served(tmp_path, store, token=True) as client:
        store.is_away = True
        assert (await client.ask("GET", "/api/v1/watches")).status == 503
        assert (await client.ask("GET", "/api/v1/events?wait=5")).status == 503
        assert (await client.ask("GET", "/healthz")).status == 200
        found = await client.ask("GET", "/readyz")
        assert (found.status, found.document["store"]["state"]) == (503, "failing")
        alone = await client.ask("GET", "/readyz", token=None)
        assert (alone.status, alone.document) == (503, {"status": "failing"})
        store.is_away = False
        store.write_failed = None  # as after five seconds without another failure
        assert (await client.ask("GET", "/readyz")).status == 200


async def test_a_mistake_of_ours_is_500_in_words(
    sqlite_client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("watcher.store.queries.reports.Reports.sources", None)
    answer = await sqlite_client.ask("GET", "/api/v1/sources")
    assert (answer.status, answer.document) == (
        500,
        {"type": "about:blank", "title": "Internal Server Error", "status": 500},
    )
    assert "TypeError" in caplog.text, "whoever runs it can find it in the log"
