"""From a config file to a running service, or to a single run (`--once`)."""

import gc
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.to_thread
import structlog

from watcher import logs
from watcher.clock import SystemClock
from watcher.config.reload import ConfigFiles, reader
from watcher.config.settings import Configuration
from watcher.core.errors import SchemaMismatch, StoreUnavailable
from watcher.daemon.http_server import http_server_of
from watcher.daemon.service import Service
from watcher.ports import ListDigest
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.session import open_session
from watcher.store import SqlWatches, hold_run_lock, open_store, rescue_leases
from watcher.systemd import Notifier
from watcher.webhook import WebhookSender

_log = structlog.get_logger()


@asynccontextmanager
async def opened_service(path: Path, environment: Mapping[str, str]) -> AsyncGenerator[Service]:
    """A service with everything open and the configuration in force.

    Raises ConfigError with all mistakes, StoreUnavailable, SchemaMismatch, and Refused if another `run` uses the same
    SQLite file.
    """
    read = reader(path, PROVIDERS, environment)
    async with AsyncExitStack() as opened:
        loaded = await anyio.to_thread.run_sync(read, partial(anyio.from_thread.run, _lists_mark))
        configuration = loaded.configuration
        logs.configure(configuration.log.level, configuration.log.format)
        url = configuration.database.url.get_secret_value()
        opened.enter_context(hold_run_lock(url))
        store = await opened.enter_async_context(open_store(url, create=True))
        if loaded.lists.entries is None and loaded.lists.mark != await SqlWatches(store).list_digest():
            # Another run has ended since then, and it had other lists.
            loaded = await anyio.to_thread.run_sync(read)
        if count := await rescue_leases(store):
            _log.warning("work.taken_back", count=count, reason="the last run was killed")
        session = await opened.enter_async_context(open_session())
        clock = SystemClock()
        sender = await opened.enter_async_context(WebhookSender({}, clock))
        service = Service(loaded, ConfigFiles(loaded, read, clock), store, session, sender)
        await service.apply(loaded)
        del loaded  # a million entries that nobody needs any more
        yield service


async def _lists_mark(configuration: Configuration) -> ListDigest | None:
    """Which lists the watches match in a database that is not open yet, if it exists and can be opened."""
    with suppress(StoreUnavailable, SchemaMismatch):
        async with open_store(configuration.database.url.get_secret_value(), read_only=True) as store:
            return await SqlWatches(store).list_digest()
    return None


def collect_rarely() -> None:
    """Collect garbage at a slower pace: with Python's own, it takes a quarter of all work.

    Objects from the start stay and are not examined again; a poll or a delivery makes almost no reference cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 10)


async def run(path: Path, environment: Mapping[str, str]) -> int:
    """Run the daemon until it is asked to stop. Returns the exit code."""
    collect_rarely()
    async with opened_service(path, environment) as service, http_server_of(service):
        collect_rarely()
        await service.serve(Notifier.from_environment(environment, os.getpid()))
    return 0


async def run_once(path: Path, environment: Mapping[str, str]) -> int:
    """One run for cron; 1 if any poll or delivery failed."""
    collect_rarely()
    async with opened_service(path, environment) as service:
        return 0 if await service.work_once() else 1
