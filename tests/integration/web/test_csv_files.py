"""Lists as CSV: the same rows as JSON, of any length, and never a file that only looks complete."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.poller import WatchedStore
from tests.fakes.seen_invoices import paid
from tests.fakes.stored import OPEN
from tests.integration.web.client import Client
from tests.integration.web.conftest import served
from tests.integration.web.visiting import seen
from watcher.core.invoices.invoice import Status
from watcher.ports import paging
from watcher.store import Store

LISTS = ("invoices", "watches", "events", "deliveries", "audit", "aging", "customers", "forecast", "dso")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def fill(client: Client) -> None:
    found = [replace(OPEN, id=f"inv_{n}", status=Status.OPEN if n % 2 else Status.VOID) for n in range(6)]
    await seen(client, *found, paid("inv_6", "10.00", None, None))
    await client.post("/api/v1/endpoints/crm/disable", 200)


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_is_a_file_by_its_path_and_by_what_is_accepted(
    client: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)  # several pages
    await fill(client)
    items = (await client.get(f"/api/v1/{name}"))["items"]
    file = await client.ask("GET", f"/api/v1/{name}.csv")
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert file.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    assert len(rows(file.text)) == len(items) > 0
    accepted = await client.ask("GET", f"/api/v1/{name}?limit=1", headers={"Accept": "text/csv"})
    assert rows(accepted.text) == rows(file.text)[:1]


async def test_a_file_has_the_filters_of_its_list(sqlite_client: Client) -> None:
    await fill(sqlite_client)
    found = rows((await sqlite_client.ask("GET", "/api/v1/invoices.csv?status=open&search=V_3&bom=true")).text)
    assert [row["id"] for row in found] == ["inv_3"]
    assert next(iter(found[0])) == "\ufeffsource"
    assert rows((await sqlite_client.ask("GET", "/api/v1/events.csv?source=other")).text) == []
    assert (await sqlite_client.ask("GET", "/api/v1/invoices.csv?colour=red")).status == 400


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=x", "application/json"),
        ("text/html, */*", "application/json"),
        ("", "application/json"),
    ],
)
async def test_csv_is_what_was_asked_for_by_name(sqlite_client: Client, accept: str, kind: str) -> None:
    answer = await sqlite_client.ask("GET", "/api/v1/watches", headers={"Accept": accept})
    assert answer.headers["Content-Type"].partition(";")[0] == kind


async def test_a_file_that_cannot_be_read_to_its_end_breaks_off(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)
    store = WatchedStore.of(sqlite_store)
    async with served(tmp_path, store, token=True) as client:
        await fill(client)
        read, count = paging.pages, 0

        async def failing(*arguments: object, **named: object) -> object:
            nonlocal count
            async for page in read(*arguments, **named):  # type: ignore[arg-type]
                yield page
                count += 1
                store.is_away = count == 2

        monkeypatch.setattr("watcher.web.api.csv_files.pages", failing)
        with pytest.raises(aiohttp.ClientError):
            await client.ask("GET", "/api/v1/invoices.csv")
        store.is_away = True
        assert (await client.ask("GET", "/api/v1/invoices.csv")).status == 503
