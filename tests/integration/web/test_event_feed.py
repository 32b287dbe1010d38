"""The feed, its long-poll and its stream: the same events in the same order as the history, whoever records them."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from sqlalchemy import text
from yarl import URL

from tests.fakes import stored
from tests.fakes.stored import OPEN, event
from tests.integration.web.client import TOKEN, Client
from tests.integration.web.visiting import seen
from watcher.store import Reports, Store

PATIENCE = 30
ROUNDS = 6
PER_ROUND = 5


@dataclass(frozen=True)
class Sent:
    """One event of a stream; None for a comment or a bare id."""

    id: int
    event: str | None = None
    data: dict[str, Any] | None = None


@asynccontextmanager
async def streaming(client: Client, path: str, **headers: str) -> AsyncGenerator[AsyncIterator[Sent]]:
    headers = {"Authorization": f"Bearer {TOKEN}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.session.get(URL(client.url + path, encoded=True), headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"

        async def read() -> AsyncIterator[Sent]:
            last, fields = 0, dict[str, str]()
            async for raw in answer.content:
                line = raw.decode().rstrip("\n")
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                    continue
                last = int(fields.get("id", last))
                if "data" in fields:
                    yield Sent(last, fields["event"], json.loads(fields["data"]))
                fields = {}

        yield read()


async def take(stream: AsyncIterator[Sent], count: int) -> list[Sent]:
    found: list[Sent] = []
    with anyio.fail_after(PATIENCE):
        while len(found) < count:
            found.append(await anext(stream))
    return found


async def write_rounds(store: Store, client: Client | None, invoice_id: str) -> None:
    """Record events as a poll does; without the client as another process does, which nobody reports."""
    for number in range(ROUNDS):
        found = [event(f"evt_{invoice_id}_{number}_{one}", "invoice.updated") for one in range(PER_ROUND)]
        await stored.record_events(store, invoice_id, *found)
        if client is not None:
            client.service.notify_events()


async def follow(client: Client, found: list[dict[str, Any]], count: int) -> None:
    after = ""
    while len(found) < count:
        page = (await client.get(f"/api/v1/events?limit=3&wait=20{after}"))["items"]
        found += page
        after = f"&after={found[-1]['cursor']}" if found else ""


async def test_feed_stream_and_history_agree_under_concurrent_writes(store: Store, client: Client) -> None:
    count = 2 * ROUNDS * PER_ROUND
    polled: list[dict[str, Any]] = []
    sent: list[Sent] = []
    async with streaming(client, "/api/v1/events/stream?after=0") as stream:
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as group:
                group.start_soon(client.service.feed.sweep)
                async with anyio.create_task_group() as writers:
                    writers.start_soon(follow, client, polled, count)
                    writers.start_soon(write_in_turn, store, client)
                sent = await take(stream, count)
                group.cancel_scope.cancel()
    history = await Reports(store).events(limit=500)
    assert len(history) == count
    assert polled == history
    assert [one.data for one in sent] == history
    assert [one.id for one in sent] == [item["cursor"] for item in history]


async def write_in_turn(store: Store, client: Client) -> None:
    await write_rounds(store, client, "inv_1")
    await write_rounds(store, None, "inv_2")


async def test_a_long_poll_is_answered_when_an_event_is_recorded(store: Store, client: Client) -> None:
    answers: list[Any] = []
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            answers.append(await client.get("/api/v1/events?wait=60"))

        group.start_soon(wait)
        await until_listening(client)
        await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid"))
        client.service.notify_events()
    (answer,) = answers
    assert ([item["data"]["event_id"] for item in answer["items"]], answer["next"]) == (["evt_1"], None)


async def until_listening(client: Client) -> None:
    with anyio.fail_after(PATIENCE):
        while not client.service.feed.listeners:
            await anyio.lowlevel.checkpoint()


async def test_a_long_poll_without_an_event_ends_empty(sqlite_client: Client) -> None:
    assert await sqlite_client.get("/api/v1/events?wait=1") == {"items": [], "next": None}


async def test_the_feed_can_be_filtered_and_paged(store: Store, client: Client) -> None:
    await stored.record_events(
        store, "inv_1", event("evt_1", "invoice.paid"), event("evt_2"), event("evt_3", "invoice.overpaid")
    )

    async def ids(query: str) -> list[str]:
        return [item["data"]["event_id"] for item in (await client.get(f"/api/v1/events{query}"))["items"]]

    assert await ids("?type=invoice.*paid") == ["evt_1", "evt_3"]
    assert await ids("?source=other") == []
    assert await ids("?tag=vip") == []
    first = await client.get("/api/v1/events?limit=2")
    assert first["next"] == str(first["items"][1]["cursor"])
    assert await ids(f"?cursor={first['next']}") == await ids(f"?after={first['next']}") == ["evt_3"]


async def test_a_stream_goes_on_after_the_last_id_and_filters(store: Store, client: Client) -> None:
    await stored.record_events(store, "inv_1", *(event(f"evt_{number}", "invoice.paid") for number in range(3)))
    await stored.record_events(store, "inv_1", event("evt_other", "invoice.updated"))
    async with streaming(client, "/api/v1/events/stream?type=invoice.paid&after=0", Last_Event_ID="1") as stream:
        assert [one.id for one in await take(stream, 2)] == [2, 3]
        await stored.record_events(store, "inv_1", event("evt_9", "invoice.paid"))
        client.service.notify_events()
        (last,) = await take(stream, 1)
    assert last == Sent(5, "invoice.paid", last.data)
    assert last.data is not None
    assert last.data["cursor"] == 5


async def test_a_stream_without_an_id_reports_only_what_comes(store: Store, client: Client) -> None:
    await stored.record_events(store, "inv_1", event("evt_old"))
    async with streaming(client, "/api/v1/events/stream") as stream:
        await until_listening(client)
        await stored.record_events(store, "inv_1", event("evt_new"))
        client.service.notify_events()
        (sent,) = await take(stream, 1)
    assert sent.id == 2


async def test_who_waits_is_let_go_when_the_service_stops(sqlite_client: Client) -> None:
    client, answers = sqlite_client, list[Any]()
    async with streaming(client, "/api/v1/events/stream") as stream, anyio.create_task_group() as group:

        async def wait() -> None:
            answers.append(await client.get("/api/v1/events?wait=60"))

        group.start_soon(wait)
        await until_listening(client)
        client.service.feed.close()
        with anyio.fail_after(PATIENCE):
            assert [one async for one in stream] == []
    assert answers == [{"items": [], "next": None}]


async def test_too_many_who_wait_are_refused_with_words(sqlite_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_client.service.feed, "_most_listeners", 1)
    async with streaming(sqlite_client, "/api/v1/events/stream"):
        await until_listening(sqlite_client)
        refused = await sqlite_client.ask("GET", "/api/v1/events?wait=5")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert (await sqlite_client.ask("GET", "/api/v1/events")).status == 200


async def test_a_reader_whose_events_are_gone_gets_410_with_the_first_that_is_kept(sqlite_client: Client) -> None:
    await seen(sqlite_client, *(replace(OPEN, id=f"inv_{number}") for number in range(4)))
    async with sqlite_client.service.store.transaction() as connection:
        await connection.execute(text("DELETE FROM deliveries WHERE cursor IN (2, 3)"))
        await connection.execute(text("DELETE FROM events WHERE cursor IN (2, 3)"))
        await connection.execute(text("INSERT INTO counters (name, value) VALUES ('events_gone', 3)"))
    for path in ("events?after=1", "events?cursor=2&wait=30", "events/stream?after=0", "events.csv?after=2"):
        gone = await sqlite_client.ask("GET", f"/api/v1/{path}")
        assert (gone.status, gone.document["first"]) == (410, 4), path
    streamed = await sqlite_client.ask("GET", "/api/v1/events/stream", headers={"Last-Event-ID": "1"})
    assert streamed.status == 410
    assert [item["cursor"] for item in (await sqlite_client.get("/api/v1/events?after=3"))["items"]] == [4]
    found: list[int] = []
    path = "/api/v1/events?limit=1"
    while True:
        page = await sqlite_client.get(path)
        found += [item["cursor"] for item in page["items"]]
        if page["next"] is None:
            break
        path = f"/api/v1/events?limit=1&cursor={page['next']}"
    assert found == [1, 4]
    assert (await sqlite_client.ask("GET", "/events")).status == 200
