"""From a config file to a running service, or to a single run (`--once`)."""

import gc
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
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
from watcher.config.values.durations import format_duration
from watcher.core.errors import SchemaMismatch, StoreUnavailable, StoreUnreachable, WatcherError
from watcher.daemon.http_server import http_server_of
from watcher.daemon.replica import Replica, config_digest, default_name
from watcher.daemon.runtime import Runtime
from watcher.daemon.serve import serve
from watcher.daemon.service import Service
from watcher.ports import ListDigest
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.session import open_session
from watcher.store import SqlWatches, Store, hold_run_lock, open_store, rescue_leases
from watcher.systemd import Notifier
from watcher.webhook import WebhookSender

_TRY_AGAIN_SECONDS = 1

_log = structlog.get_logger()


@asynccontextmanager
async def opened_service(
    path: Path, environment: Mapping[str, str], name: str | None = None
) -> AsyncGenerator[Service]:
    """A service with everything open and the configuration in force. `name` is that of the replica.

    Raises ConfigError with all mistakes, StoreUnavailable, SchemaMismatch, and Refused if another `run` uses the same
    SQLite file, or the name.
    """
    read = reader(path, PROVIDERS, environment)
    async with AsyncExitStack() as opened:
        loaded = await anyio.to_thread.run_sync(read, partial(anyio.from_thread.run, _lists_mark))
        configuration = loaded.configuration
        logs.configure(configuration.log.level, configuration.log.format)
        url = configuration.database.url.get_secret_value()
        opened.enter_context(hold_run_lock(url))
        store = await _when_reachable(opened, configuration)
        if loaded.lists.entries is None and loaded.lists.mark != await SqlWatches(store).list_digest():
            # Another run has ended since then, and it had other lists.
            loaded = await anyio.to_thread.run_sync(read)
        if count := await rescue_leases(store):
            _log.warning("work.taken_back", count=count, reason="the last run was killed")
        clock = SystemClock()
        replica = Replica(store, name or default_name(), clock)
        await replica.join(config_digest(configuration))
        opened.push_async_callback(replica.leave)
        session = await opened.enter_async_context(open_session())
        sender = await opened.enter_async_context(WebhookSender({}, clock))
        service = Service(loaded, ConfigFiles(loaded, read, clock), replica, Runtime(session, sender, clock))
        await service.apply(loaded)
        del loaded  # a million entries that nobody needs any more
        yield service


class _Stopped(Exception):
    """SIGTERM or SIGINT came while `run` waited for its database."""


async def _when_reachable(opened: AsyncExitStack, configuration: Configuration) -> Store:
    """Open the database, and wait for one that cannot be reached, at most `database.wait`.

    Raises StoreUnavailable, and _Stopped.
    """
    outcome: Store | WatcherError | None = None
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(_cancel_on_signal, signals, waiting.cancel_scope)
            try:
                outcome = await _opened(opened, configuration)
            except WatcherError as error:  # raised below: a task group would wrap it
                outcome = error
            waiting.cancel_scope.cancel()
    if isinstance(outcome, WatcherError):
        raise outcome
    if outcome is None:
        raise _Stopped
    return outcome


async def _opened(opened: AsyncExitStack, configuration: Configuration) -> Store:
    url, wait = configuration.database.url.get_secret_value(), configuration.database.wait
    ends_at = anyio.current_time() + wait.total_seconds()
    is_said = False
    while True:
        try:
            return await opened.enter_async_context(open_store(url, create=True))
        except StoreUnreachable as error:
            if anyio.current_time() >= ends_at:
                raise
            if not is_said:
                _log.warning("database.awaited", error=str(error), wait=format_duration(wait))
                is_said = True
            await anyio.sleep(_TRY_AGAIN_SECONDS)


async def _cancel_on_signal(signals: AsyncIterator[signal.Signals], scope: anyio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()
        return


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


async def run(path: Path, environment: Mapping[str, str], name: str | None = None, port: int | None = None) -> int:
    """Run the daemon until it is asked to stop. Returns the exit code. `port` replaces the one of `http.listen`."""
    collect_rarely()
    with suppress(_Stopped):
        async with opened_service(path, environment, name) as service, http_server_of(service, port):
            collect_rarely()
            await serve(service, Notifier.from_environment(environment, os.getpid()))
    return 0


async def run_once(path: Path, environment: Mapping[str, str], name: str | None = None) -> int:
    """One run for cron; 1 if any poll or delivery failed."""
    collect_rarely()
    is_well = True
    with suppress(_Stopped):
        async with opened_service(path, environment, name) as service, anyio.create_task_group() as group:
            group.start_soon(service.beat)
            is_well = await service.work_once()
            group.cancel_scope.cancel()
    return 0 if is_well else 1
