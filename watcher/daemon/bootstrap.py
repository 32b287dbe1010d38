"""From a config file to a running service, or to a single run (`--once`)."""

import gc
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
import structlog

from watcher import logs
from watcher.clock import SystemClock
from watcher.config.adapters.built_in import BUILT_IN
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
from watcher.providers.toolkit.session import open_session
from watcher.store import SqlWatches, hold_run_lock, open_store, rescue_leases
from watcher.systemd import Notifier
from watcher.webhook import WebhookSender

_TRY_AGAIN_SECONDS = 1
_T = TypeVar("_T")

_log = structlog.get_logger()


@asynccontextmanager
async def opened_service(
    path: Path, environment: Mapping[str, str], name: str | None = None
) -> AsyncGenerator[Service]:
    """A service with everything open and the configuration in force. `name` is that of the replica.

    Raises ConfigError with all mistakes, StoreUnavailable, SchemaMismatch, and Refused if another `run` uses the same
    SQLite file, or the name.
    """
    read = reader(path, BUILT_IN, environment)
    async with AsyncExitStack() as opened:
        loaded = await anyio.to_thread.run_sync(read, partial(anyio.from_thread.run, _lists_mark))
        configuration = loaded.configuration
        logs.configure(configuration.log.level, configuration.log.format)
        url = configuration.database.url.get_secret_value()
        opened.enter_context(hold_run_lock(url))
        patience = _Patience(configuration.database.wait)
        store = await patience.during(lambda: opened.enter_async_context(open_store(url, create=True)))
        if loaded.lists.entries is None and loaded.lists.mark != await patience.during(SqlWatches(store).list_digest):
            # Another run has ended since then, and it had other lists.
            loaded = await anyio.to_thread.run_sync(read)
        if count := await patience.during(lambda: rescue_leases(store)):
            _log.warning("work.taken_back", count=count, reason="the last run was killed")
        clock = SystemClock()
        replica = Replica(store, name or default_name(), clock)
        await patience.during(lambda: replica.join(config_digest(configuration)))
        opened.push_async_callback(replica.leave)
        session = await opened.enter_async_context(open_session())
        sender = await opened.enter_async_context(WebhookSender({}, clock))
        service = Service(loaded, ConfigFiles(loaded, read, clock), replica, Runtime(session, sender, clock))
        await patience.during(partial(service.apply, loaded))
        del loaded  # a million entries that nobody needs any more
        yield service


@contextmanager
def stop_signals() -> Generator[AsyncIterator[signal.Signals]]:
    """Receive SIGTERM and SIGINT while open; then what handled them before does so again.

    asyncio would leave SIGTERM to its default, which the first process of a container is spared: the signal is lost.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with anyio.open_signal_receiver(*before) as signals:
            yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Stopped(Exception):
    """SIGTERM or SIGINT came while `run` waited for its database."""


class _Patience:
    """Waits for a database that cannot be reached, at most `wait` in all the steps of a start."""

    def __init__(self, wait: timedelta) -> None:
        self._wait = wait
        self._ends_at = anyio.current_time() + wait.total_seconds()
        self._is_said = False

    async def during(self, step: Callable[[], Awaitable[_T]]) -> _T:
        """Take a step of the start, again while the database cannot be reached.

        Raises StoreUnavailable, other errors of the step, and _Stopped.
        """
        done: list[_T] = []
        failure: WatcherError | None = None
        with stop_signals() as signals:
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(_cancel_on_signal, signals, waiting.cancel_scope)
                try:
                    done.append(await self._again(step))
                except WatcherError as error:  # raised below: a task group would wrap it
                    failure = error
                waiting.cancel_scope.cancel()
        if failure is not None:
            raise failure
        if not done:
            raise _Stopped
        return done[0]

    async def _again(self, step: Callable[[], Awaitable[_T]]) -> _T:
        while True:
            try:
                return await step()
            except StoreUnreachable as error:
                if anyio.current_time() >= self._ends_at:
                    raise
                if not self._is_said:
                    _log.warning("database.awaited", error=str(error), wait=format_duration(self._wait))
                    self._is_said = True
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
