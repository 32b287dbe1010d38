"""Old events leave the database for the archive: nothing is lost or there twice, whatever happens meanwhile."""

import gzip
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes import stored
from tests.fakes.poller import WatchedStore
from tests.fakes.stored import OPEN, event
from watcher.core.errors import CursorGone, Refused, StoreUnavailable
from watcher.ports import EventRecord
from watcher.store import EventRetention, Reports, SqlOutbox, SqlPollQueue, Store
from watcher.store.maintenance import event_retention
from watcher.store.maintenance.archive_file import ArchiveFile
from watcher.store.tables import snapshots

JANUARY = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
KEEP = timedelta(days=90)
NOW = datetime(2026, 5, 15, tzinfo=UTC)
"""January is older than 90 days, February is not as a whole."""


def at(name: str, month: int, *endpoints: str, sequence: int = 1) -> EventRecord:
    return replace(
        event(name, "invoice.updated", *endpoints, sequence=sequence), timestamp=JANUARY.replace(month=month)
    )


async def record(store: Store, invoice_id: str, *events: EventRecord, version: int = 1) -> None:
    """One poll that brings them, at the time of the last."""
    moment = events[-1].timestamp
    watches = await stored.watch(store, invoice_id, at=moment)
    await watches.request_poll("acme", invoice_id, moment)
    claimed = {one.invoice_id: one for one in await stored.claim(store, moment)}
    change = stored.change(*events, version=version, snapshot=replace(OPEN, id=invoice_id))
    queue = SqlPollQueue(store)
    assert await queue.record([stored.polled(claimed[invoice_id], moment, change)], {}) == frozenset()
    await queue.release([one for name, one in claimed.items() if name != invoice_id], moment)


async def fill(store: Store) -> SqlOutbox:
    """`busy` has events in January, March and May; `quiet` only in January; `held` waits to be delivered."""
    outbox = await stored.endpoints(store, "ledger")
    await record(store, "busy", at("evt_1", 1), at("evt_2", 1, "ledger", sequence=2))
    await record(store, "quiet", at("evt_3", 1), at("evt_4", 1, sequence=2))
    (sent,) = await stored.send(outbox, JANUARY)
    await outbox.settle([stored.delivered(sent, JANUARY)])
    await record(store, "held", at("evt_5", 1, "ledger"), at("evt_6", 1, sequence=2))
    await record(store, "busy", at("evt_7", 3, sequence=3), version=2)
    await record(store, "busy", at("evt_8", 5, sequence=4), version=3)
    return outbox


async def kept(store: Store) -> list[str]:
    start = await Reports(store).feed_start()
    return [event_id(item) for item in await Reports(store).events(after=start, limit=100)]


def event_id(item: Any) -> str:  # noqa: ANN401 -- JSON
    return item["data"]["event_id"]


def archived(folder: Path) -> dict[str, list[Any]]:
    if not folder.exists():
        return {}
    return {
        path.name: [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        for path in sorted(folder.iterdir())
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """It is made by the first month."""
    return tmp_path / "archive"


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_month_goes_to_its_file_and_the_newest_and_the_waiting_stay(store: Store, folder: Path) -> None:
    await fill(store)
    before = await Reports(store).events(limit=100)
    unfinished = made(folder) / "events-2026-01.jsonl.gz.unfinished"
    unfinished.write_bytes(b"left behind by a crash")
    done = await EventRetention(store).forget(NOW, KEEP, folder)
    file = folder / "events-2026-01.jsonl.gz"
    assert (done.events, done.snapshots, done.files, done.is_finished) == (3, 1, (file,), True)
    assert archived(folder) == {file.name: before[:6]}, "the same JSON as that of the list"
    assert await kept(store) == ["evt_4", "evt_5", "evt_6", "evt_7", "evt_8"]
    async with store.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(snapshots))).scalar_one() == 4
    assert [one["state"] for one in await Reports(store).deliveries()] == ["pending"]
    assert (await EventRetention(store).forget(NOW, KEEP, folder)).files == ()


async def test_what_stayed_goes_later_without_being_written_again(store: Store, folder: Path) -> None:
    outbox = await fill(store)
    await EventRetention(store).forget(NOW, KEEP, folder)
    (waiting,) = await stored.send(outbox, NOW)
    await outbox.settle([stored.delivered(waiting, NOW)])
    await record(store, "quiet", at("evt_9", 6, sequence=3), version=2)
    later = NOW + timedelta(days=60)
    (folder / "events-2026-01.jsonl.gz").rename(folder / "moved-away")
    await EventRetention(store).forget(later, KEEP, folder)
    assert await kept(store) == ["evt_6", "evt_8", "evt_9"]
    names = {name: [event_id(item) for item in items] for name, items in archived(folder).items()}
    assert names == {
        "events-2026-03.jsonl.gz": ["evt_7"],
        "moved-away": ["evt_1", "evt_2", "evt_3", "evt_4", "evt_5", "evt_6"],
    }


async def test_without_an_archive_what_goes_is_gone_and_for_a_quarter_nothing_does(store: Store) -> None:
    await fill(store)
    assert (await EventRetention(store).forget(JANUARY + KEEP, KEEP, None)).events == 0
    assert (await EventRetention(store).forget(NOW, KEEP, None)).events == 3
    assert "evt_1" not in await kept(store)


class Crashing(WatchedStore):
    """Loses what the last transaction wrote, as a process does that is killed before its commit."""

    commits_left = 0

    @asynccontextmanager
    async def _begun(self, *, writing: bool) -> AsyncGenerator[AsyncConnection]:
        async with super()._begun(writing=writing) as connection:
            yield connection
            if writing and self.commits_left == 0:
                raise StoreUnavailable("the process is killed")
            self.commits_left -= writing


@pytest.mark.parametrize("number", range(9))
async def test_a_crash_at_any_commit_loses_nothing_and_doubles_nothing(
    sqlite_store: Store, folder: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_retention, "_CHUNK", 2)
    await fill(sqlite_store)
    before = [event_id(item) for item in await Reports(sqlite_store).events(limit=100)]
    store = cast("Crashing", Crashing.of(sqlite_store))
    store.commits_left = number
    with suppress(StoreUnavailable):
        await EventRetention(store).forget(NOW, KEEP, folder)
    files = [event_id(item) for items in archived(folder).values() for item in items]
    assert set(files) | set(await kept(sqlite_store)) == set(before)
    done = await EventRetention(sqlite_store).forget(NOW, KEEP, folder)
    assert done.is_finished
    names = archived(folder)
    assert list(names) == ["events-2026-01.jsonl.gz"]
    files = [event_id(item) for item in names["events-2026-01.jsonl.gz"]]
    assert files == before[:6]
    assert await kept(sqlite_store) == ["evt_4", "evt_5", "evt_6", "evt_7", "evt_8"]


async def test_a_file_of_somebody_else_is_never_overwritten_and_nothing_is_deleted(
    sqlite_store: Store, folder: Path
) -> None:
    await fill(sqlite_store)
    file = made(folder) / "events-2026-01.jsonl.gz"
    for other in (gzip.compress(b'{"an": "event"}\n'), b"not gzip"):
        file.write_bytes(other)
        with pytest.raises(Refused, match="exists and has other events"):
            await EventRetention(sqlite_store).forget(NOW, KEEP, folder)
        assert file.read_bytes() == other
        assert names_in(folder) == [file.name]
    assert len(await Reports(sqlite_store).events(limit=100)) == 8


async def test_of_two_processes_that_share_the_folder_one_writes(sqlite_store: Store, folder: Path) -> None:
    """A replica without a connection for its locks takes itself for the leader."""
    await fill(sqlite_store)
    other = ArchiveFile(made(folder), "events-2026-01.jsonl.gz")
    with pytest.raises(StoreUnavailable, match="another process is writing"):
        await EventRetention(sqlite_store).forget(NOW, KEEP, folder)
    assert len(await Reports(sqlite_store).events(limit=100)) == 8
    other.abandon()
    assert (await EventRetention(sqlite_store).forget(NOW, KEEP, folder)).is_finished
    assert names_in(folder) == ["events-2026-01.jsonl.gz"]


async def test_many_versions_of_one_invoice_go_in_small_steps(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_retention, "_CHUNK", 2)
    for version in range(1, 7):
        await record(sqlite_store, "busy", at(f"evt_{version}", 1, sequence=version), version=version)
    steps: list[None] = []
    done = await EventRetention(sqlite_store, lambda: steps.append(None)).forget(NOW, KEEP, None)
    assert (done.events, done.snapshots) == (5, 5)
    assert len(steps) >= 6


async def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_deleted(
    sqlite_store: Store, folder: Path
) -> None:
    await fill(sqlite_store)
    (folder.parent / "file").touch()
    for wrong in (folder.parent / "file", folder.parent / "no" / "parent"):
        with pytest.raises(StoreUnavailable, match="archive"):
            await EventRetention(sqlite_store).forget(NOW, KEEP, wrong)
    assert len(await Reports(sqlite_store).events(limit=100)) == 8


async def test_a_cursor_older_than_what_is_kept_is_refused_with_the_first_that_is(store: Store) -> None:
    await fill(store)
    reports = Reports(store)
    assert await reports.feed_start() is None
    await EventRetention(store).forget(NOW, KEEP, None)
    for old in ("0", "1", "2"):
        with pytest.raises(CursorGone) as refused:
            await reports.events(after=old, limit=10)
        assert refused.value.first == 4
    assert [item["cursor"] for item in await reports.events(after="3", limit=10)] == [4, 5, 6, 7, 8]
    assert [item["cursor"] for item in await reports.events(limit=10, newest_first=True)] == [8, 7, 6, 5, 4]
    assert [item["cursor"] for item in await reports.events(after="3.0", limit=10)] == [4, 5, 6, 7, 8]
    with pytest.raises(CursorGone):
        await reports.events(after="1.0", limit=10)


async def test_events_recorded_by_a_clock_that_was_set_back_are_not_deleted_unarchived(
    store: Store, folder: Path
) -> None:
    await fill(store)
    await EventRetention(store).forget(NOW, KEEP, folder)
    await record(store, "late", at("evt_l1", 1), at("evt_l2", 1, sequence=2))
    async with store.transaction() as connection:
        await connection.execute(text("UPDATE counters SET value = 0 WHERE name = 'events_forgotten_month'"))
    await EventRetention(store).forget(NOW, KEEP, folder)
    assert {"evt_l1", "evt_l2"} <= set(await kept(store))


def test_the_months_of_the_calendar() -> None:
    months: Sequence[tuple[datetime, int]] = [
        (datetime(2026, 1, 1, tzinfo=UTC), 202512),
        (datetime(2026, 1, 31, 23, 59, tzinfo=UTC), 202512),
        (datetime(2026, 3, 1, tzinfo=UTC), 202602),
    ]
    assert [event_retention.month_before(moment) for moment, _ in months] == [month for _, month in months]
