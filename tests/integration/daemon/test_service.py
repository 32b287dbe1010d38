"""The service on real files and a real database: what a reload that meets trouble does, and what a single run says."""

import shutil
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect

import anyio
import pytest
from sqlalchemy import func, select

from tests.acceptance.daemon import until
from tests.fakes import stored
from tests.fakes.poller import WatchedStore
from tests.fakes.statements import statements
from watcher.clock import SystemClock
from watcher.config.load import Loaded, Stored, nothing_stored
from watcher.config.reload import ConfigFiles, Reader, reader
from watcher.daemon import bootstrap
from watcher.daemon.bootstrap import opened_service
from watcher.daemon.replica import Replica
from watcher.daemon.runtime import Runtime
from watcher.daemon.serve import serve
from watcher.daemon.service import Service
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.session import open_session
from watcher.store import Reports, SqlPollQueue, SqlWatches, Store, hold_run_lock
from watcher.store.tables import watches
from watcher.systemd import Notifier
from watcher.webhook import WebhookSender

CONFIG = """\
[watcher]
watchlists = ["list.csv"]

[sources.acme]
provider = "meteroid"
base_url = "http://127.0.0.1:9"
api_key = { env = "KEY" }
enabled = false
"""


def listed(folder: Path, count: int) -> None:
    lines = "".join(f"acme,inv_{number}\n" for number in range(count))
    (folder / "list.csv").write_text(f"source,invoice_id\n{lines}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "watcher.toml").write_text(CONFIG)
    listed(tmp_path, 30)
    return tmp_path


@asynccontextmanager
async def service_on(folder: Path, store: Store, read: Reader | None = None) -> AsyncGenerator[Service]:
    read = read or reader(folder / "watcher.toml", PROVIDERS, {"KEY": "k-123"})
    loaded, clock = read(), SystemClock()
    async with open_session() as session, WebhookSender({}, clock) as sender:
        replica, runtime = Replica(store, "one", clock), Runtime(session, sender, clock)
        service = Service(loaded, ConfigFiles(loaded, read, clock), replica, runtime)
        await service.apply(loaded)
        yield service


async def watched(store: Store) -> int:
    async with store.reading() as connection:
        counting = select(func.count()).select_from(watches).where(watches.c.origins != "")
        count: int = (await connection.execute(counting)).scalar_one()
        return count


async def test_a_reload_that_the_database_cannot_take_is_applied_when_it_can(folder: Path, sqlite_store: Store) -> None:
    store = WatchedStore.of(sqlite_store)
    async with service_on(folder, store) as service:
        listed(folder, 31)
        store.is_away = True
        await service.reload(forced=True)
        store.is_away = False
        assert await watched(store) == 30
        await service.reload()
        assert await watched(store) == 31


async def test_a_confirmation_is_not_forgotten_while_the_database_is_away(folder: Path, sqlite_store: Store) -> None:
    store = WatchedStore.of(sqlite_store)
    async with service_on(folder, store) as service:
        listed(folder, 3)
        store.is_away = True
        await service.reload(forced=True)
        store.is_away = False
        await service.reload()
        assert await watched(store) == 3


class _Readings:
    """Reads as the service does, and keeps what each reading of the lists brought."""

    def __init__(self, folder: Path) -> None:
        self._read = reader(folder / "watcher.toml", PROVIDERS, {"KEY": "k-123"})
        self.brought: list[int | None] = []

    def __call__(self, stored: Stored = nothing_stored) -> Loaded:
        loaded = self._read(stored)
        self.brought.append(None if loaded.lists.entries is None else len(loaded.lists.entries))
        return loaded


async def test_a_reload_reads_lists_again_only_where_the_watches_do_not_match_them(
    folder: Path, sqlite_store: Store
) -> None:
    read = _Readings(folder)
    async with service_on(folder, sqlite_store, read) as service:
        await service.reload(forced=True)
        listed(folder, 31)
        await service.reload(forced=True)
        await service.reload(forced=True)
        assert (read.brought, await watched(sqlite_store)) == ([30, None, 31, None], 31)
        await SqlWatches(sqlite_store).apply_lists([], SystemClock().now(), confirmed=True)
        await service.reload(forced=True)
        assert (read.brought[-1], await watched(sqlite_store)) == (31, 31)


async def test_lists_are_read_where_the_database_cannot_say_what_it_holds(folder: Path, sqlite_store: Store) -> None:
    store, read = WatchedStore.of(sqlite_store), _Readings(folder)
    async with service_on(folder, store, read) as service:
        store.is_away = True
        await service.reload(forced=True)
        assert read.brought == [30, 30]


async def test_lists_that_are_whole_again_are_held_no_longer(folder: Path, sqlite_store: Store) -> None:
    async with service_on(folder, sqlite_store):
        listed(folder, 3)
    read = _Readings(folder)
    async with service_on(folder, sqlite_store, read) as service:
        assert service.lists_held_since is not None
        listed(folder, 30)
        await service.reload(forced=True)
        assert service.lists_held_since is None
    assert read.brought == [3, None]
    assert await watched(sqlite_store) == 30


async def started(folder: Path) -> int:
    """How many invoices a service watches that has started as `run` does."""
    async with opened_service(folder / "watcher.toml", {"KEY": "k-123"}) as service:
        return await watched(service.store)


def tampered(folder: Path, statement: str) -> None:
    with closing(connect(folder / "invoice-watcher.db", isolation_level=None)) as database:
        database.execute(statement)


async def test_a_start_reads_no_lists_that_the_watches_match(folder: Path) -> None:
    assert await started(folder) == 30
    tampered(folder, "UPDATE watches SET listed = NULL, origins = '' WHERE invoice_id = 'inv_7'")
    assert await started(folder) == 29, "nobody but a reading can have noticed"
    tampered(folder, "DELETE FROM watchlists")
    assert await started(folder) == 30


async def test_a_start_on_a_restored_backup_has_it_match_the_lists(folder: Path) -> None:
    assert await started(folder) == 30
    shutil.copyfile(folder / "invoice-watcher.db", folder / "backup.db")
    listed(folder, 31)
    assert await started(folder) == 31
    shutil.copyfile(folder / "backup.db", folder / "invoice-watcher.db")
    assert await started(folder) == 31


async def test_a_start_reads_lists_that_another_run_has_just_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def lock_of_a_run_that_ends(url: str) -> Generator[None]:
        tampered(folder, "UPDATE watchlists SET digest = 'of the other'")
        tampered(folder, "UPDATE watches SET listed = NULL, origins = ''")
        with hold_run_lock(url):
            yield

    assert await started(folder) == 30
    monkeypatch.setattr(bootstrap, "hold_run_lock", lock_of_a_run_that_ends)
    assert await started(folder) == 30


async def test_a_bad_file_changes_nothing_and_stops_nothing(folder: Path, sqlite_store: Store) -> None:
    async with service_on(folder, sqlite_store) as service:
        before = service.configuration
        (folder / "watcher.toml").write_text("[sources.acme\n")
        await service.reload(forced=True)
        assert service.configuration is before
        assert await watched(sqlite_store) == 30


async def test_a_single_run_that_holds_a_list_back_has_failed(folder: Path, sqlite_store: Store) -> None:
    async with service_on(folder, sqlite_store) as service:
        assert await service.work_once()
    listed(folder, 3)
    async with service_on(folder, sqlite_store) as service:
        assert not await service.work_once()
    assert await watched(sqlite_store) == 30


async def test_the_watchdog_hears_of_every_loop_and_job_and_of_the_store(folder: Path, sqlite_store: Store) -> None:
    loops = frozenset({"polling", "accounts", "clock", "list sync", "delivery", "digests", "store"})
    jobs = {"reload job", "tokens job", "clock job", "tempo job", "amounts job", "retention job"}
    async with service_on(folder, sqlite_store) as service, anyio.create_task_group() as group:
        group.start_soon(serve, service, Notifier(None))
        await until(lambda: service.heartbeats.heard == loops | jobs, "all are heard")
        group.cancel_scope.cancel()


async def test_what_is_open_at_a_source_is_counted_once_for_the_policy_and_for_what_is_expected(
    folder: Path, sqlite_store: Store
) -> None:
    even = CONFIG.replace("enabled = false", "").replace("acme", "evenly") + 'policy = "fixed"\n'
    (folder / "watcher.toml").write_text(CONFIG.replace("enabled = false", "") + even[even.index("[sources") :])
    async with service_on(folder, sqlite_store) as service:
        async with statements(sqlite_store) as executed:
            await service.reload(forced=True)
        assert [one.source for one in service.detection_delays or ()] == ["acme", "evenly"]
    counted = [parameters for statement, parameters in executed if "GROUP BY watches.status" in statement]
    assert sorted(source for source, *_ in counted) == ["acme", "evenly"]


async def test_counts_before_the_first_poll_say_nothing_about_open_invoices(folder: Path, sqlite_store: Store) -> None:
    (folder / "watcher.toml").write_text(CONFIG.replace("enabled = false", ""))
    async with service_on(folder, sqlite_store) as service:
        await service.reload(forced=True)
        service.detection_delays = None
        counts: list[list[int | None]] = []

        async def count() -> None:
            await service.reload(forced=True)
            counts.append([one.open_invoices for one in service.detection_delays or ()])

        await count()
        await count()
        polled = [stored.polled(claimed) for claimed in await stored.claim(sqlite_store, SystemClock().now())]
        await SqlPollQueue(sqlite_store).record(polled, {})
        await count()
    assert counts == [[None], [None], [0]]


@pytest.mark.parametrize(("raw", "kept"), [("4d", b"{}"), ("2d", None)])
async def test_raw_documents_are_kept_for_as_long_as_is_configured(
    folder: Path, sqlite_store: Store, raw: str, kept: bytes | None
) -> None:
    (folder / "watcher.toml").write_text(f'{CONFIG}\n[retention]\nraw = "{raw}"\n')
    seen_at = SystemClock().now() - timedelta(days=3)
    await stored.watch(sqlite_store, "inv_of_three_days", at=seen_at)
    (claimed,) = await stored.claim(sqlite_store, seen_at)
    await SqlPollQueue(sqlite_store).record([replace(stored.polled(claimed, seen_at), raw=b"{}")], {})
    async with service_on(folder, sqlite_store) as service:
        await service.forget_old()
    assert await Reports(sqlite_store).raw("acme", "inv_of_three_days") == kept
