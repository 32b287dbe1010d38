"""From a config file to a service that runs, or that does one round."""

import gc
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import structlog

from watcher import logs
from watcher.clock import SystemClock
from watcher.config.reload import ConfigFiles, reader
from watcher.daemon.service import Service
from watcher.daemon.serving import http_side
from watcher.providers import PROVIDERS
from watcher.providers.http import open_session
from watcher.store import hold_run_lock, open_store, take_back
from watcher.systemd import Notifier
from watcher.webhook import WebhookSender

_log = structlog.get_logger()


@asynccontextmanager
async def opened_service(path: Path, environment: Mapping[str, str]) -> AsyncGenerator[Service]:
    """Everything open and the configuration in force.

    Raises ConfigError with all mistakes, StoreUnavailable, SchemaMismatch, and Refused where another `run` works on
    the same SQLite file.
    """
    read = reader(path, PROVIDERS, environment)
    loaded = await anyio.to_thread.run_sync(read)
    configuration = loaded.configuration
    logs.configure(configuration.log.level, configuration.log.format)
    async with AsyncExitStack() as opened:
        url = configuration.database.url.get_secret_value()
        opened.enter_context(hold_run_lock(url))
        store = await opened.enter_async_context(open_store(url, create=True))
        if count := await take_back(store):
            _log.warning("work.taken_back", count=count, reason="the last run did not end, it was ended")
        session = await opened.enter_async_context(open_session())
        clock = SystemClock()
        sender = await opened.enter_async_context(WebhookSender({}, clock))
        service = Service(loaded, ConfigFiles(loaded, read, clock), store, session, sender)
        await service.apply(loaded)
        yield service


def collect_rarely() -> None:
    """Look for garbage at the pace of a service, where Python's own costs a quarter of all the work.

    What the start made stays, and is not looked through again; a poll or a delivery makes next to no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 10)


async def run(path: Path, environment: Mapping[str, str]) -> int:
    """The daemon, until it is told to stop. Returns the exit code."""
    async with opened_service(path, environment) as service, http_side(service):
        collect_rarely()
        await service.serve(Notifier.from_environment(environment, os.getpid()))
    return 0


async def run_once(path: Path, environment: Mapping[str, str]) -> int:
    """One round for cron; 1 if any poll or delivery failed."""
    async with opened_service(path, environment) as service:
        return 0 if await service.work_once() else 1
