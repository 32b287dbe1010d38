"""The maintenance jobs on the database, which one replica does at a time."""

from collections.abc import Callable

import structlog

from watcher.clock import Clock
from watcher.config.settings import RetentionSettings
from watcher.daemon.replica import Replica
from watcher.store import AmountsFill, EventRetention, EventsForgotten, Retention

_log = structlog.get_logger()


class StoreJobs:
    """Each method does nothing where another replica leads."""

    def __init__(self, replica: Replica, clock: Clock) -> None:
        self._replica = replica
        self._clock = clock
        self._amounts_differ = True

    async def fill_amounts(self) -> None:
        """Bring open amounts up to date once, while older programs write, and once more after the last of them."""
        if not self._replica.is_leader:
            return
        fill = AmountsFill(self._replica.store)
        is_needed = await fill.is_needed()
        if is_needed or self._amounts_differ:
            await fill.run()
        self._amounts_differ = is_needed

    async def forget_old(self, retention: RetentionSettings, on_progress: Callable[[], None]) -> None:
        """Delete what is older than `[retention]` allows, events once they are in the archive, in small steps."""
        if not self._replica.is_leader:
            return
        store, now = self._replica.store, self._clock.now()
        await Retention(store).forget(now, raw=retention.raw, attempts=retention.attempts, audit=retention.audit)
        if retention.events is not None:
            done = await EventRetention(store, on_progress).forget(now, retention.events, retention.archive)
            if done != EventsForgotten():
                _log.info(
                    "events.forgotten",
                    events=done.events,
                    snapshots=done.snapshots,
                    archived=[str(file) for file in done.files],
                    is_finished=done.is_finished,
                )
