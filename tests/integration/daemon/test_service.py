"""The service on real files and a real database: what a reload that meets trouble does, and what a single run says."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.fakes.poller import WatchedStore
from watcher.clock import SystemClock
from watcher.config.reload import ConfigFiles, reader
from watcher.daemon.service import Service
from watcher.providers import PROVIDERS
from watcher.providers.http import open_session
from watcher.store import Store
from watcher.store.tables import watches
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
async def service_on(folder: Path, store: Store) -> AsyncGenerator[Service]:
    read = reader(folder / "watcher.toml", PROVIDERS, {"KEY": "k-123"})
    loaded, clock = read(), SystemClock()
    async with open_session() as session, WebhookSender({}, clock) as sender:
        service = Service(loaded, ConfigFiles(loaded, read, clock), store, session, sender)
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
