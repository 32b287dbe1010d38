"""Endpoints switched off and on by hand, on both databases."""

import json

import pytest

from tests.fakes import stored
from tests.fakes.stored import MINUTE, NOW, delivered, event, retried, send
from watcher.core.errors import NotFound
from watcher.core.webhooks.subscription import Subscription
from watcher.store import Reports, SqlEndpoints, SqlOutbox, Store


async def endpoint_states(store: Store) -> dict[object, object]:
    return {row["name"]: row["state"] for row in await Reports(store).endpoints()}


async def test_a_disabled_endpoint_gets_nothing_loses_nothing_and_goes_on_in_order(store: Store) -> None:
    outbox, switch = await stored.listening(store, "ledger"), SqlEndpoints(store)
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"))
    assert await switch.disable("ledger", "operator", NOW)
    await stored.record_events(store, "inv_1", event("evt_2", "b", "ledger"))
    assert await send(outbox, NOW + MINUTE) == ()
    assert await outbox.next_attempt_at(["ledger"]) is None
    await stored.listening(store, "ledger")
    assert await endpoint_states(store) == {"ledger": "disabled"}
    assert await switch.enable("ledger", NOW)
    (head,) = await send(outbox)
    await outbox.settle([delivered(head)])
    (second,) = await send(outbox)
    assert (head.event_id, second.event_id) == ("evt_1", "evt_2")


async def test_enabling_ends_the_wait_of_retries_and_a_pause(store: Store) -> None:
    outbox, switch = await stored.listening(store, "ledger"), SqlEndpoints(store)
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"), event("evt_2", "b", "ledger"))
    (head,) = await send(outbox)
    paused = retried(head, NOW + 60 * MINUTE, pause_endpoint_until=NOW + 60 * MINUTE)
    await outbox.settle([paused])
    assert await switch.disable("ledger", "operator", NOW)
    assert await switch.enable("ledger", NOW + MINUTE)
    assert [one.event_id for one in await send(outbox, NOW + MINUTE)] == ["evt_1"]
    assert not await switch.enable("ledger", NOW + MINUTE)


async def test_the_others_that_want_it_hear_once(store: Store) -> None:
    outbox, switch = SqlOutbox(store), SqlEndpoints(store)
    subscribers = [Subscription("ledger"), Subscription("crm"), Subscription("picky", events=("invoice.*",))]
    await outbox.sync_endpoints(
        {one.endpoint: f"https://{one.endpoint}.example/" for one in subscribers}, NOW, subscribers
    )
    assert await switch.disable("ledger", "operator", NOW)
    assert not await switch.disable("ledger", "operator", NOW + MINUTE)
    (recorded,) = await send(outbox, NOW + MINUTE, ledger=5, crm=5, picky=5)
    body = json.loads(recorded.body)
    assert (recorded.endpoint, body["type"]) == ("crm", "endpoint.disabled")
    assert body["data"] == {
        "event_id": recorded.event_id,
        "occurred_at": "2026-11-22T10:00:00.123456Z",
        "endpoint": "ledger",
        "reason": "operator",
        "since": "2026-11-22T10:00:00.123456Z",
    }


async def test_a_name_nobody_knows_is_named(store: Store) -> None:
    for switching in (SqlEndpoints(store).enable("x", NOW), SqlEndpoints(store).disable("x", "operator", NOW)):
        with pytest.raises(NotFound, match="no endpoint x"):
            await switching
