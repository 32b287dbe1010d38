"""The running service: everything is built here, runs in one task group, and is stopped in order."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import anyio
import anyio.from_thread
import anyio.to_thread
import structlog
from anyio.abc import TaskGroup

from watcher.config.load import Loaded
from watcher.config.reload import ConfigFiles
from watcher.config.settings import Configuration, SourceSettings
from watcher.core.errors import ConfigError, StoreUnavailable
from watcher.core.scheduling.hint_state import HintState
from watcher.daemon import notify_wiring, wiring
from watcher.daemon.planner import detection_delays
from watcher.daemon.rate_usage import RateUsage
from watcher.daemon.replica import Replica, config_digest
from watcher.daemon.runtime import Runtime
from watcher.daemon.senders import Senders
from watcher.daemon.store_jobs import StoreJobs
from watcher.daemon.watchdog import ASK_EVERY, STALLED, LoopHeartbeats, WriteCheck, watch_store
from watcher.delivery import DigestDispatcher, Dispatcher
from watcher.maintenance import LONGEST, RETENTION, MaintenanceJob, loop_of, maintenance_jobs, run_maintenance
from watcher.metrics import Metrics
from watcher.notify import NotificationSender
from watcher.polling import HintIntake, Poller, PollStores, SourcePlan, Tuner
from watcher.ports import DetectionDelay, HintSummary, ListsApplied, Outcome, Provider, SourceRow
from watcher.store import (
    HintSummaries,
    IdleAccountStates,
    IdleListSyncs,
    IdleOutbox,
    IdlePollQueue,
    NextPoll,
    Notice,
    Reports,
    SqlDashboard,
    SqlDigests,
    SqlHazardStats,
    SqlHints,
    SqlReached,
    SqlWatches,
    Store,
)
from watcher.watchlist import ListKeeper, log_applied
from watcher.web import DashboardCache, Feed

_log = structlog.get_logger()


class Service:
    """One process's work on one database. Made by `opened_service`."""

    def __init__(self, loaded: Loaded, files: ConfigFiles, replica: Replica, runtime: Runtime) -> None:
        self.replica = replica
        self.store = store = replica.store
        self._runtime = runtime
        self.heartbeats, self.metrics = LoopHeartbeats(runtime.monotonic), Metrics()
        self.write_check = WriteCheck(store, runtime.monotonic)
        self.config_problems: tuple[str, ...] = ()
        self.detection_delays: tuple[DetectionDelay, ...] | None = None
        self._clock, self._files = runtime.clock, files
        self._watches, self._outbox = SqlWatches(store), IdleOutbox(store, runtime.random)
        self._store_jobs = StoreJobs(replica, self._clock)
        self._plans: dict[str, SourcePlan] = {}
        self._lists, self._stopped_hints = ListKeeper(self._watches), set[str]()
        self._providers: dict[str, tuple[SourceSettings, Provider]] = {}
        self._senders = Senders(runtime.sender, NotificationSender(self._clock, SqlReached(store), runtime.transport))
        self.dispatcher = Dispatcher(
            self._outbox, self._senders, self._clock, runtime.random,
            on_heartbeat=lambda: self._beat("delivery"), observer=self.metrics, sweep=runtime.idle,
        )  # fmt: skip
        self.digests = DigestDispatcher(
            SqlDigests(store), self._outbox, self._senders.notifications, self._clock, runtime.random,
            on_heartbeat=lambda within: self._beat("digests", within), observer=self.metrics, sweep=runtime.idle,
        )  # fmt: skip
        self.feed = Feed(Reports(store).newest_cursor, self._clock)
        self.usage = RateUsage(self.metrics, self._clock)
        self.dashboard_cache = DashboardCache(SqlDashboard(store).figures, self._clock)
        self.poller = Poller(
            _poll_stores(store),
            self._clock,
            runtime.random,
            on_events=self.notify_events,
            on_heartbeat=self._beat,
            observer=self.usage,
            idle=runtime.idle,
        )
        self.hints = HintIntake(SqlHints(store), self._clock, observer=self.metrics, on_due=self.poller.wake)
        self._configuration = self._opened_with = loaded.configuration
        self._unapplied: tuple[Loaded, bool] | None = None
        self._reloading, self._ended = anyio.Lock(), anyio.Event()

    @property
    def configuration(self) -> Configuration:
        return self._configuration

    @property
    def lists_held_since(self) -> datetime | None:
        return self._lists.held_since

    async def apply(self, loaded: Loaded, *, forced: bool = False) -> None:
        """Put a reading of the configuration in force. Work in progress ends by the old one.

        Raises StoreUnavailable, and has to be called again then.
        """
        configuration, now = loaded.configuration, self._clock.now()
        for warning in loaded.warnings:
            _log.warning("config.doubtful", problem=warning)
        rows = [
            SourceRow(one.name, one.provider, one.enabled, one.hints is not None)
            for one in configuration.sources.values()
        ]
        await self._watches.sync_sources(rows, now)
        targets = wiring.targets(configuration)
        people = notify_wiring.notify_targets(configuration)
        urls = {name: one.url for name, one in targets.items()} | {name: one.schemes for name, one in people.items()}
        await self._outbox.sync_endpoints(urls, now, wiring.subscriptions(configuration))
        await self._senders.reconfigure(targets, people)
        self.dispatcher.configure(wiring.endpoint_policies(configuration))
        self.digests.configure(notify_wiring.digest_policies(configuration))
        self._plans = self._planned(configuration)
        await self._tune(configuration)
        self.poller.configure(self._plans)
        self.hints.configure(wiring.hint_sources(configuration))
        self.metrics.configured({one.name: one.rate for one in configuration.sources.values() if one.enabled})
        for key in wiring.needs_restart(self._opened_with, configuration):
            _log.warning("config.needs_restart", key=key)
        self._configuration = configuration
        self._log_lists(await self._lists.apply(loaded.lists, self._clock.now(), forced=forced))

    async def reload(self, *, forced: bool = False) -> None:
        """Read the files and apply what changed; `forced` (SIGHUP) reads them anyway and confirms a held change.

        What the database cannot take now is applied by a later call, even if no file changes again.
        """
        async with self._reloading:
            seen = await anyio.to_thread.run_sync(
                lambda: self._files.check(now_forced=forced, stored=lambda _: anyio.from_thread.run(self._lists.stored))
            )
            if isinstance(seen, ConfigError):
                self.config_problems = seen.problems
                for problem in seen.problems:
                    _log.error("config.refused", problem=problem)
            elif seen is not None:
                self._unapplied = seen, forced
            try:
                await self._apply_what_waits()
            except StoreUnavailable as error:
                if self._unapplied is not None:
                    self.config_problems = (f"not applied yet: {error}",)
                _log.error("config.unapplied", error=str(error))

    async def _apply_what_waits(self) -> None:
        if self._unapplied is not None:
            loaded, forced = self._unapplied
            await self.apply(loaded, forced=forced)
            self._unapplied, self.config_problems = None, ()
            _log.info("config.applied", path=str(loaded.configuration.path), watches=loaded.lists.mark.watches)
        elif self._lists.wants_reading(self._clock.now()):
            self._log_lists(await self._lists.apply_held(self._clock.now()))

    def start(self, group: TaskGroup, report: Callable[[str | None], None]) -> None:
        """Start all loops; `report` is called whenever what is wrong with the database changes."""
        group.start_soon(self._work)
        if self.configuration.http.listen:
            group.start_soon(self.feed.sweep)
            group.start_soon(self.dashboard_cache.keep)
        jobs, scheduler = self._maintenance_jobs(), self._runtime.scheduler()
        group.start_soon(partial(run_maintenance, jobs, scheduler, on_heartbeat=self._beat))
        group.start_soon(self.beat)
        every = max(ASK_EVERY, self._runtime.idle)
        group.start_soon(watch_store, self.write_check.problem, self._beat, self._clock.sleep, report, every)

    async def stop(self) -> None:
        """Take no new work, and return when what is in progress is finished."""
        self.heartbeats.end()
        _log.info("service.stopping", grace=str(self.configuration.watcher.shutdown_grace))
        self.replica.drain()
        self.poller.stop()
        self.dispatcher.stop()
        self.digests.stop()
        self.feed.close()
        await self._ended.wait()

    async def work_once(self) -> bool:
        """Poll all that is due and try each due delivery once; returns whether everything went well.

        A list change that is held back has no second reading here: it stays unapplied, and the run has failed.
        """
        await self._store_jobs.fill_amounts()
        held = self._lists.held_since is not None
        unasked = await self.poller.run_once()
        outcomes = Counter(await self.dispatcher.run_once()) + Counter(await self.digests.run_once())
        undelivered = sum(count for outcome, count in outcomes.items() if outcome is not Outcome.DELIVERED)
        recorder = self.poller.recorder
        _log.info(
            "once.done",
            polled=recorder.polled,
            polls_failed=recorder.failed,
            sources_unasked=unasked,
            watchlists_held=held,
            delivered=outcomes.get(Outcome.DELIVERED, 0),
            deliveries_failed=undelivered,
        )
        return recorder.failed == 0 and undelivered == 0 and not unasked and not held

    async def beat(self) -> None:
        """Let the other replicas know that this one lives, and hear what they have recorded, until cancelled."""
        self.replica.on(Notice.POLLS, self.poller.wake)
        self.replica.on(Notice.DELIVERIES, self.notify_events)
        await self.replica.run(lambda: config_digest(self.configuration), self._beat)

    def notify_events(self) -> None:
        """Events were recorded here: the dispatcher and the event feed read at once."""
        self.dispatcher.notify()
        self.feed.notify()

    async def _work(self) -> None:
        async with anyio.create_task_group() as work:
            work.start_soon(self.poller.run)
            work.start_soon(self.dispatcher.run)
            work.start_soon(self.digests.run)
        self._ended.set()

    def _log_lists(self, applied: ListsApplied) -> None:
        log_applied(applied)
        if applied.added or applied.changed or applied.removed:
            self.poller.wake()

    def _maintenance_jobs(self) -> tuple[MaintenanceJob, ...]:
        return maintenance_jobs(
            reload_check=self.reload,
            renew_tokens=self.poller.renew_tokens,
            check_clock=self._check_clock,
            tune=lambda: self._tune(self.configuration),
            fill_amounts=self._store_jobs.fill_amounts,
            forget_old=self.forget_old,
        )

    def _beat(self, loop: str, within: timedelta = STALLED) -> None:
        self.heartbeats.beat(loop, within)
        self.metrics.beat(loop)

    async def _check_clock(self) -> None:
        now = self._clock.now()
        if self.poller.skew.holds(now):
            skew = self.poller.skew.skew(now)
            _log.error("clock.distrusted", seconds_ahead=int(skew.total_seconds()), effect="clock events are held")

    async def _tune(self, configuration: Configuration) -> None:
        policies = [plan.adaptive_policy for plan in self._plans.values() if plan.adaptive_policy is not None]
        counted = await Tuner(SqlHazardStats(self.store), self._clock).tune(policies)
        now, is_first = self._clock.now(), self.detection_delays is None
        self.detection_delays = await detection_delays(self.store, configuration, now, counted, is_first=is_first)
        self.metrics.forecasts({one.source: one.expected for one in self.detection_delays})
        await self.hints.count()
        self._log_hints(await HintSummaries(self.store).of_all(now))

    def _log_hints(self, hints: Mapping[str, HintSummary]) -> None:
        stopped = {name for name, one in hints.items() if one.state is HintState.STOPPED}
        for name in sorted(stopped - self._stopped_hints):
            _log.warning(
                "hints.stopped", source=name, missing=hints[name].missing, effect="polled as if there were none"
            )
        for name in sorted(self._stopped_hints - stopped):
            _log.info("hints.back", source=name)
        self._stopped_hints = stopped

    async def forget_old(self) -> None:
        progress = partial(self._beat, loop_of(RETENTION), LONGEST)
        await self._store_jobs.forget_old(self.configuration.retention, progress)

    def _planned(self, configuration: Configuration) -> dict[str, SourcePlan]:
        """Plans of the enabled sources; a provider and its token stay as long as its settings do."""
        settings = {name: source for name, source in configuration.sources.items() if source.enabled}
        self._providers = {name: self._provider(name, source) for name, source in settings.items()}
        return {
            name: wiring.source_plan(configuration, source, self._providers[name][1])
            for name, source in settings.items()
        }

    def _provider(self, name: str, source: SourceSettings) -> tuple[SourceSettings, Provider]:
        known = self._providers.get(name)
        if known is not None and known[0] == source:
            return known
        kind = self._runtime.providers.get(source.provider, source.kind)
        return source, kind.build(wiring.account(source), self._runtime.session, self._clock, self._runtime.random)


def _poll_stores(store: Store) -> PollStores:
    next_poll = NextPoll(store)
    return PollStores(IdlePollQueue(store, next_poll), IdleAccountStates(store), IdleListSyncs(store, next_poll))
