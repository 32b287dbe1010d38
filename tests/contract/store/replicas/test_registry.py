"""Who is registered, who is lost, and what becomes of what a lost replica holds."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from tests.fakes import stored
from watcher.core.errors import Refused
from watcher.ports import EndpointLimit
from watcher.store import (
    Identity,
    Notice,
    ReplicaLink,
    ReplicaState,
    Reports,
    SqlPollQueue,
    SqlReplicas,
    Store,
    open_store,
)
from watcher.store.replicas.registry import DEAD_AFTER, HANGING_AFTER, TakenOver

NOW, SECOND = stored.NOW, stored.SECOND


def identity(name: str, pid: int = 4711) -> Identity:
    return Identity(name, "1.2.3", "host-1", pid)


@pytest.fixture
async def one(postgres_url: str) -> AsyncGenerator[Store]:
    async with open_store(postgres_url, database_clock=False) as opened:
        yield opened


@pytest.fixture
async def other(postgres_url: str) -> AsyncGenerator[Store]:
    async with open_store(postgres_url, database_clock=False) as opened:
        yield opened


async def join(store: Store, name: str, config: str = "a") -> int:
    store.replica = key = await SqlReplicas(store).register(identity(name), config, NOW)
    return key


async def test_a_name_in_use_is_refused_with_who_has_it(one: Store, other: Store) -> None:
    await join(one, "a")
    with pytest.raises(
        Refused, match=r"name a is in use by another run \(pid 4711 on host-1, version 1\.2\.3\).*--name"
    ):
        await SqlReplicas(other).register(identity("a", 4712), "a", NOW)
    assert await SqlReplicas(other).register(identity("a", 4712), "a", NOW + DEAD_AFTER) is not None
    (row,) = await Reports(one).replicas(NOW + DEAD_AFTER)
    assert (row["name"], row["state"], row["config"]) == ("a", "active", "same")


async def test_a_registration_whose_answer_was_lost_is_made_again(one: Store, other: Store) -> None:
    await join(one, "a")
    key = await join(other, "a")
    (row,) = await Reports(one).replicas(NOW)
    assert row["name"] == "a"
    assert key != one.replica


async def test_containers_whose_processes_have_one_host_name_and_pid_are_told_apart(one: Store, other: Store) -> None:
    link = ReplicaLink(one, "a", lambda _notice: None)
    assert await link.open()
    try:
        key = await join(one, "a")
        with pytest.raises(Refused, match=r"name a is in use by another run \(pid 4711 on host-1"):
            await join(other, "a")
        assert await SqlReplicas(one).beat(key, ReplicaState.ACTIVE, "a", NOW)
    finally:
        await link.close()


async def test_what_a_dead_replica_holds_is_due_at_once_and_its_late_results_write_nothing(
    one: Store, other: Store
) -> None:
    dead, alive = await join(one, "dead"), await join(other, "alive")
    assert dead != alive
    await stored.record_events(one, "inv_1", stored.event("evt_1", "invoice.paid", "ledger"))
    outbox = await stored.endpoints(one, "ledger")
    await stored.watch(one, "inv_2", "inv_3")
    held, (sending,) = await stored.claim(one), await stored.send(outbox)
    at = NOW + DEAD_AFTER + SECOND
    assert await stored.claim(other, at) == ()
    await SqlReplicas(other).beat(alive, ReplicaState.ACTIVE, "a", at)
    assert await SqlReplicas(other).take_over_lost(alive, at) == (TakenOver("dead", len(held) + 1),)
    assert await SqlReplicas(other).take_over_lost(alive, at) == ()
    taken = await stored.claim(other, at)
    assert {watch.invoice_id for watch in taken} == {"inv_2", "inv_3"} == {watch.invoice_id for watch in held}
    (again,) = await stored.send(await stored.endpoints(other, "ledger"), at)
    assert again.event_id == sending.event_id
    records = [stored.polled(watch, at) for watch in held]
    assert await SqlPollQueue(one).record(records, {}) == {watch.key for watch in held}
    assert await outbox.settle([stored.delivered(sending, at)]) == {sending.key}
    assert {row["name"]: row["state"] for row in await Reports(other).replicas(at)} == {
        "alive": "active",
        "dead": "lost",
    }
    assert await SqlReplicas(one).beat(dead, ReplicaState.ACTIVE, "a", at), "it was only frozen, and is back"
    assert {row["state"] for row in await Reports(other).replicas(at)} == {"active"}


async def test_a_replica_whose_session_is_open_is_lost_later(one: Store, other: Store) -> None:
    link = ReplicaLink(one, "slow", lambda _notice: None)
    assert await link.open()
    await join(one, "slow")
    alive = await join(other, "alive")
    try:
        for silence, lost in ((DEAD_AFTER + SECOND, ()), (HANGING_AFTER + SECOND, (TakenOver("slow", 0),))):
            await SqlReplicas(other).beat(alive, ReplicaState.ACTIVE, "a", NOW + silence)
            assert await SqlReplicas(other).take_over_lost(alive, NOW + silence) == lost
    finally:
        await link.close()


async def test_what_others_hold_stays_theirs(one: Store, other: Store) -> None:
    await join(one, "one")
    alive = await join(other, "other")
    await stored.watch(one, "inv_1")
    (held,) = await stored.claim(one)
    assert await SqlReplicas(other).take_over_lost(alive, NOW + SECOND) == ()
    assert await SqlPollQueue(one).record([stored.polled(held)], {}) == frozenset()


async def test_configurations_are_compared_with_the_one_that_has_run_longest(one: Store, other: Store) -> None:
    await join(one, "first", "a")
    await join(other, "second", "b")
    assert await SqlReplicas(one).differing(NOW) == ("second",)
    assert [(row["name"], row["config"]) for row in await Reports(one).replicas(NOW)] == [
        ("first", "same"),
        ("second", "differs"),
    ]
    later = NOW + HANGING_AFTER + SECOND
    assert await SqlReplicas(one).beat(2, ReplicaState.DRAINING, "b", later)
    assert await SqlReplicas(one).differing(later) == (), "who is silent is not compared with"
    await SqlReplicas(other).leave(2)
    assert not await SqlReplicas(other).beat(2, ReplicaState.ACTIVE, "b", later)


async def test_a_link_locks_its_name_leads_and_hears_the_others_alone(one: Store, other: Store) -> None:
    await join(one, "one")
    await join(other, "other")
    heard: list[tuple[str, Notice]] = []
    first = ReplicaLink(one, "one", lambda notice: heard.append(("one", notice)))
    second = ReplicaLink(other, "other", lambda notice: heard.append(("other", notice)))
    twin = ReplicaLink(other, "one", lambda notice: heard.append(("twin", notice)))
    try:
        assert (await first.open(), await second.open(), await twin.open()) == (True, True, False)
        await first.check()
        await second.check()
        assert (first.is_leader, second.is_leader) == (True, False)
        await stored.record_events(one, "inv_1", stored.event("evt_1", "invoice.paid", "ledger"))
        await first.check()
        await second.check()
        assert set(heard) == {("other", Notice.POLLS), ("other", Notice.DELIVERIES)}
        await first.close()
        await second.check()
        assert second.is_leader
    finally:
        await first.close()
        await second.close()


@pytest.mark.parametrize(("limit", "rounds"), [(EndpointLimit(1000, 3), [3, 0]), (EndpointLimit(4, 1000), [4, 0])])
async def test_limits_of_an_endpoint_hold_over_all_replicas(
    one: Store, other: Store, limit: EndpointLimit, rounds: list[int]
) -> None:
    await join(one, "one")
    await join(other, "other")
    outbox, its = await stored.endpoints(one, "ledger"), await stored.endpoints(other, "ledger")
    events = {f"inv_{number}": [stored.event(f"evt_{number}", "invoice.paid", "ledger")] for number in range(20)}
    await stored.record_all(one, events)
    limits, wanted = {"ledger": limit}, {"ledger": 100}
    claimed = [await box.claim(NOW, wanted, stored.LEASE, limits) for box in (outbox, its)]
    assert [len(found) for found in claimed] == rounds
    await outbox.settle([stored.delivered(delivery) for delivery in claimed[0]])
    later = NOW + timedelta(seconds=0.5)
    assert len(await its.claim(later, wanted, stored.LEASE, limits)) == (3 if limit.concurrency == 3 else 2)
