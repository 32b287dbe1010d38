"""Forgetting an invoice, on both databases."""

from dataclasses import replace
from typing import cast

import pytest
from sqlalchemy import func, select

from tests.fakes import stored
from tests.fakes.stored import NOW, OPEN, event, send
from watcher.core.errors import NotFound, Refused
from watcher.core.invoices import history_state
from watcher.core.invoices.history_state import HistoryState
from watcher.ports import Change, DesiredWatch
from watcher.store import Redelivery, Reports, SqlPollQueue, SqlWatches, Store
from watcher.store.tables import attempts, documents, snapshots


async def recorded(store: Store) -> None:
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    remembered = history_state.dumps(
        HistoryState(OPEN, OPEN, OPEN, version=3, sequence=5, recorded=frozenset({"invoice.overdue x"}))
    )
    change = Change(remembered, 3, 5, OPEN, (event("evt_1", "a", "ledger"), event("evt_2", "b", "ledger", sequence=2)))
    await SqlPollQueue(store).record([replace(stored.polled(claimed), raw=b"Ada", change=change)], {})


async def test_a_purge_erases_documents_snapshots_and_names_and_keeps_event_ids(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await recorded(store)
    (head,) = await send(outbox)
    await outbox.settle([stored.delivered(head)])
    watches = SqlWatches(store)
    await watches.remove("acme", "inv_1", NOW, purge=True)
    async with store.reading() as connection:
        for table in (documents, snapshots):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == 0
        assert list((await connection.execute(select(attempts.c.response))).scalars()) == [None]
    shown = await Reports(store).show("acme", "inv_1")
    assert "Ada" not in str(shown)
    assert shown is not None
    assert shown["invoice"] is None
    kept_events = cast("list[dict[str, dict[str, str]]]", shown["events"])
    assert [row["data"]["event_id"] for row in kept_events] == ["evt_1", "evt_2"]
    sent = cast("list[dict[str, str]]", shown["deliveries"])
    assert [row["state"] for row in sent] == ["delivered", "cancelled"]
    assert await send(outbox) == ()
    with pytest.raises(Refused, match="purged"):
        await Redelivery(store).redeliver_event("evt_1", (), NOW)


async def test_numbers_go_on_after_a_purge_so_that_no_event_id_is_used_twice(store: Store) -> None:
    await recorded(store)
    watches = SqlWatches(store)
    await watches.remove("acme", "inv_1", NOW, purge=True)
    await watches.add(DesiredWatch("acme", "inv_1"), "cli", NOW)
    (claimed,) = await stored.claim(store)
    kept = history_state.loads(claimed.memory)
    assert (kept.version, kept.sequence, kept.recorded) == (3, 5, frozenset({"invoice.overdue x"}))
    assert (kept.snapshot, kept.known, kept.alive, claimed.fingerprint) == (None, None, None, None)


async def test_a_stopped_invoice_can_still_be_purged_and_an_unknown_one_cannot(store: Store) -> None:
    await recorded(store)
    watches = SqlWatches(store)
    await watches.remove("acme", "inv_1", NOW)
    with pytest.raises(NotFound):
        await watches.remove("acme", "inv_1", NOW)
    await watches.remove("acme", "inv_1", NOW, purge=True)
    with pytest.raises(NotFound):
        await watches.remove("acme", "nobody", NOW, purge=True)
