"""Runs the service under its signals and systemd until it is asked to stop."""

import os
import signal
from collections.abc import AsyncIterator

import anyio
import structlog

from watcher import __version__
from watcher.clock import SystemClock
from watcher.daemon.service import Service
from watcher.daemon.systemd_status import StatusLine
from watcher.systemd import Notifier, feed_watchdog

_log = structlog.get_logger()


async def serve(service: Service, notifier: Notifier) -> None:
    """Work until SIGTERM or SIGINT; then finish what is in progress, for at most `shutdown_grace`.

    A second SIGTERM or SIGINT ends the grace period: what is in progress is given back. Stops in the same way, and then
    raises SchemaMismatch, when the database was upgraded to a schema that this program does not work with.
    """
    status = StatusLine(notifier, lambda: f"watching {len(service.configuration.sources)} sources")
    async with anyio.create_task_group() as group:
        service.start(group, status.troubled)
        group.start_soon(feed_watchdog, notifier, SystemClock().sleep, service.heartbeats.all_turn)
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            status.ready()
            _log.info("service.started", version=__version__, pid=os.getpid(), config=str(service.configuration.path))
            with anyio.CancelScope() as working:
                group.start_soon(_cancel_when_outdated, service, working)
                await _reload_until_stopped(service, signals, status)
            notifier.stopping()
            with anyio.move_on_after(service.configuration.watcher.shutdown_grace.total_seconds()) as grace:
                group.start_soon(_end_on_second_signal, grace, signals)
                await service.stop()
            group.cancel_scope.cancel()
    _log.info("service.stopped")
    if service.replica.mismatch is not None:
        raise service.replica.mismatch


async def _reload_until_stopped(service: Service, signals: AsyncIterator[signal.Signals], status: StatusLine) -> None:
    async for received in signals:
        if received is not signal.SIGHUP:
            return
        status.reloading()
        await service.reload(forced=True)
        status.ready()


async def _cancel_when_outdated(service: Service, working: anyio.CancelScope) -> None:
    await service.replica.outdated.wait()
    working.cancel()


async def _end_on_second_signal(grace: anyio.CancelScope, signals: AsyncIterator[signal.Signals]) -> None:
    async for received in signals:
        if received is not signal.SIGHUP:
            grace.cancel()
            return
