"""A database with a history: one invoice that was paid in parts, with one webhook delivered, and one never seen."""

from dataclasses import replace
from pathlib import Path

from tests.fakes import stored
from tests.fakes.life import BEGINS_AT, Stage, live
from watcher.core.invoices import history_state
from watcher.ports import Change, ClaimedWatch, DesiredWatch, EventRecord, Form, SourceRow
from watcher.store import SqlPollQueue, SqlWatches, Store, open_store

LIFE = live(polls=5)
RAW = b'{"id":"inv_1","status":"FINALIZED"}'


async def seed(file: Path) -> None:
    async with open_store(f"sqlite:///{file}", create=True) as store:
        watches = SqlWatches(store)
        await watches.sync_sources([SourceRow("acme", "meteroid")], BEGINS_AT)
        listed = [DesiredWatch("acme", "inv_1", ("vip",), file="lists/first.csv", line=2)]
        await watches.apply_lists(listed, BEGINS_AT, confirmed=True)
        await watches.add(DesiredWatch("acme", "inv_2", note="by hand"), "cli", BEGINS_AT)
        outbox = await stored.endpoints(store, "ledger")
        for stage in LIFE:
            await record(store, watches, stage)
        sent = await stored.send(outbox, LIFE[-1].at, 1)
        await outbox.settle([stored.delivered(one) for one in sent])


async def record(store: Store, watches: SqlWatches, stage: Stage) -> None:
    await watches.request_poll("acme", "inv_1", stage.at)
    claimed = await stored.claim(store, stage.at)
    watch = next(one for one in claimed if one.invoice_id == "inv_1")
    queue = SqlPollQueue(store)
    poll = replace(stored.polled(watch, stage.at, change_of(stage)), raw=RAW)
    assert await queue.record([poll], {"acme": stage.at}) == frozenset()
    await queue.release(others(claimed, watch), stage.at)


def others(claimed: tuple[ClaimedWatch, ...], watch: ClaimedWatch) -> list[ClaimedWatch]:
    return [one for one in claimed if one is not watch]


def change_of(stage: Stage) -> Change:
    step = stage.transition
    events = tuple(
        EventRecord(
            id=event.id,
            type=event.fact.type.value,
            sequence=event.sequence,
            source="acme",
            timestamp=stage.at,
            bodies={Form.FULL: shown},
            deliveries=(("ledger", Form.FULL),),
            tags=("vip",),
        )
        for event, shown in zip(step.events, stage.bodies, strict=True)
    )
    remembered = history_state.dumps(step.memory)
    return Change(remembered, step.memory.version, step.memory.sequence, step.snapshot, events)
