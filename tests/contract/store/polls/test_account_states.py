"""The circuit of an account, on both databases."""

import pytest

from tests.fakes import stored
from tests.fakes.stored import MINUTE, NOW, SECOND, event
from watcher.core.errors import NotFound
from watcher.ports import AccountState
from watcher.store import Reports, SqlAccountStates, Store

RECOVERED = event("evt_r", "source.recovered", "ledger", sequence=None)


async def state(store: Store) -> AccountState:
    return (await SqlAccountStates(store).states())["acme"]


async def test_a_back_off_is_never_shortened(store: Store) -> None:
    await stored.watch(store)
    accounts = SqlAccountStates(store)
    await accounts.back_off("acme", NOW, NOW + MINUTE)
    await accounts.back_off("acme", NOW, NOW + SECOND)
    assert (await state(store)).blocked_until == NOW + MINUTE


async def test_a_circuit_remembers_when_it_began_to_fail(store: Store) -> None:
    await stored.watch(store)
    accounts = SqlAccountStates(store)
    opened = await accounts.open_circuit("acme", at=NOW, refused=False, error="HTTP 500", probe_at=NOW + SECOND)
    assert opened == AccountState("acme", failing_since=NOW, probe_at=NOW + SECOND, last_error="HTTP 500")
    again = await accounts.open_circuit("acme", at=NOW + MINUTE, refused=True, error="401", probe_at=NOW + MINUTE)
    assert (again.failing_since, again.refused, again.last_error) == (NOW, True, "401")
    with pytest.raises(NotFound, match="nobody"):
        await accounts.open_circuit("nobody", at=NOW, refused=False, error="", probe_at=NOW)


async def test_one_replica_probes_at_a_time(store: Store) -> None:
    await stored.watch(store)
    accounts = SqlAccountStates(store)
    assert await accounts.claim_probe("acme", NOW, NOW + MINUTE) is False
    await accounts.open_circuit("acme", at=NOW, refused=False, error="", probe_at=NOW + SECOND)
    assert await accounts.claim_probe("acme", NOW, NOW + MINUTE) is False
    assert await accounts.claim_probe("acme", NOW + SECOND, NOW + MINUTE) is True
    assert await accounts.claim_probe("acme", NOW + SECOND, NOW + MINUTE) is False
    assert ((await state(store)).probes, (await state(store)).probe_at) == (1, NOW + MINUTE)


async def test_a_failure_is_recorded_once_and_only_while_it_lasts(store: Store) -> None:
    await stored.watch(store)
    await stored.endpoints(store, "ledger")
    accounts = SqlAccountStates(store)
    failing = event("evt_f", "source.failing", "ledger", sequence=None)
    assert await accounts.record_failing("acme", failing) is False
    await accounts.open_circuit("acme", at=NOW, refused=False, error="HTTP 500", probe_at=NOW)
    assert await accounts.record_failing("acme", failing) is True
    assert await accounts.record_failing("acme", failing) is False
    await accounts.close_circuit("acme", NOW + MINUTE, RECOVERED)
    assert await state(store) == AccountState("acme", last_success_at=NOW + MINUTE)
    assert [row["event_id"] for row in await Reports(store).deliveries()] == ["evt_f", "evt_r"]


async def test_a_failure_that_was_never_recorded_has_no_recovery_to_record(store: Store) -> None:
    await stored.watch(store)
    await stored.endpoints(store, "ledger")
    accounts = SqlAccountStates(store)
    await accounts.open_circuit("acme", at=NOW, refused=False, error="HTTP 500", probe_at=NOW)
    await accounts.close_circuit("acme", NOW + MINUTE, RECOVERED)
    assert list(await Reports(store).deliveries()) == []


async def test_events_about_the_watcher_wait_in_no_lane(store: Store) -> None:
    await stored.watch(store)
    outbox = await stored.endpoints(store, "ledger")
    accounts = SqlAccountStates(store)
    await accounts.open_circuit("acme", at=NOW, refused=False, error="", probe_at=NOW)
    await accounts.record_failing("acme", event("evt_f", "source.failing", "ledger", sequence=None))
    await accounts.close_circuit("acme", NOW, RECOVERED)
    assert [one.event_id for one in await stored.send(outbox)] == ["evt_f", "evt_r"]


async def test_after_an_outage_the_longest_due_goes_first(store: Store) -> None:
    await stored.watch(store, "second", at=NOW)
    await stored.watch(store, "first", at=NOW - MINUTE)
    accounts = SqlAccountStates(store)
    await accounts.open_circuit("acme", at=NOW, refused=False, error="", probe_at=NOW)
    await accounts.close_circuit("acme", NOW + MINUTE, RECOVERED)
    assert [one.invoice_id for one in await stored.claim(store, NOW + MINUTE)] == ["first", "second"]
