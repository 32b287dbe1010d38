"""The HTTP server of a running service: the backend of its operations, and the socket."""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import anyio.to_thread
import structlog

from watcher.clock import Clock, SystemClock
from watcher.config.adapters.built_in import BUILT_IN
from watcher.config.json_schemas import config_schema, watchlist_schema
from watcher.config.values.addresses import is_loopback, split_listen
from watcher.config.values.durations import format_rate
from watcher.config.watchlists.lists import place_of
from watcher.core.errors import NotFound, StillListed
from watcher.core.invoices.event_schema import event_schema
from watcher.daemon import notify_wiring, wiring
from watcher.daemon.endpoint_test import send_test
from watcher.daemon.service import Service
from watcher.metrics import GaugeValues
from watcher.ports import Condition, DesiredWatch, TestResult
from watcher.store import Backlogs, HintSummaries, Redelivery, Reports, SqlDashboard, SqlEndpoints, SqlWatches, Store
from watcher.web import Access, Backend, HintRoutes, application, hint_application, serving

ORIGIN = "api"

_log = structlog.get_logger()


@asynccontextmanager
async def http_server_of(service: Service, port: int | None = None) -> AsyncGenerator[str | None]:
    """Serve the API while open, if `http.listen` is set, and hints; gives the address of the API.

    `port` is used instead of the one in `http.listen`. Raises Refused if an address is in use.
    """
    listen, hints_listen = service.configuration.http.listen, service.configuration.hints.listen
    routes = HintRoutes(service.hints, SystemClock(), lambda: service.configuration.hints.public_url)
    async with AsyncExitStack() as servers:
        if hints_listen:
            own = serving(hint_application(routes), *split_listen(hints_listen), key="hints.listen")
            _log.info("hints.listening", address=await servers.enter_async_context(own))
        if not listen:
            yield None
            return
        host, configured_port = split_listen(listen)
        app = application(backend(service, host), None if hints_listen else routes)
        server = serving(app, host, configured_port if port is None else port)
        address = await servers.enter_async_context(server)
        _log.info("http.listening", address=address)
        try:
            yield address
        finally:
            service.feed.close()


def backend(service: Service, host: str) -> Backend:
    """What the operations use; `host` is where this process listens until it ends."""
    clock = SystemClock()
    reports = Reports(service.store)
    return Backend(
        reports=reports,
        actions=_Actions(service, service.store, clock),
        feed=service.feed,
        clock=clock,
        access=Access(host, _Token(service, host)),
        condition=lambda: _condition(service, clock.now()),
        metrics=lambda: _metrics(service, clock.now()),
        rates=lambda: _rates(service),
        schemas={"event": event_schema, "config": lambda: config_schema(BUILT_IN), "watchlist": watchlist_schema},
        dashboard=SqlDashboard(service.store),
        dashboard_cache=service.dashboard_cache,
        requests=service.usage.requests,
        detection_delays=lambda: service.detection_delays,
        hints=HintSummaries(service.store).of_all,
    )


class _Token:
    """The token in force. A reload may change it, and may remove it only if the service listens on loopback."""

    def __init__(self, service: Service, host: str) -> None:
        self._service = service
        self._is_loopback = is_loopback(host)
        self._last: str | None = None

    def __call__(self) -> str | None:
        token = self._service.configuration.http.token
        if token is not None or self._is_loopback:
            self._last = None if token is None else token.get_secret_value()
        return self._last


class _Actions:
    """`ports.Actions` on this service: writes to the database and wakes its loops."""

    def __init__(self, service: Service, store: Store, clock: Clock) -> None:
        self._service = service
        self._watches = SqlWatches(store)
        self._endpoints = SqlEndpoints(store)
        self._redelivery = Redelivery(store)
        self._clock = clock

    async def add_watch(self, entry: DesiredWatch) -> bool:
        added = await self._watches.add(entry, ORIGIN, self._clock.now())
        self._service.poller.wake()
        return added

    async def remove_watch(self, source: str, invoice_id: str) -> None:
        try:
            await self._watches.remove(source, invoice_id, self._clock.now())
        except StillListed as refused:
            sources = tuple(self._service.configuration.sources)
            place = await anyio.to_thread.run_sync(place_of, refused.place, source, invoice_id, sources)
            raise StillListed(source, invoice_id, place) from refused

    async def request_poll(self, source: str, invoice_id: str) -> datetime:
        poll_at = await self._watches.request_poll(source, invoice_id, self._clock.now())
        self._service.poller.wake()
        return poll_at

    async def enable_endpoint(self, name: str) -> None:
        await self._endpoints.enable(name, self._clock.now())
        self._service.dispatcher.notify()

    async def disable_endpoint(self, name: str) -> None:
        await self._endpoints.disable(name, "operator", self._clock.now())
        self._service.notify_events()

    async def test_endpoint(self, name: str) -> TestResult:
        configuration = self._service.configuration
        endpoint = configuration.subscribers.get(name)
        if endpoint is None:
            raise NotFound(f"no endpoint {name}")
        return await send_test(configuration, endpoint, ORIGIN)

    async def redeliver(self, delivery_id: str) -> None:
        subscriptions = wiring.subscriptions(self._service.configuration)
        await self._redelivery.redeliver_delivery(delivery_id, subscriptions, self._clock.now())
        self._service.dispatcher.notify()


async def _condition(service: Service, now: datetime) -> Condition:
    skew = service.poller.skew
    return Condition(
        store_error=await service.write_check.problem(),
        stalled=service.heartbeats.stalled(),
        config_problems=service.config_problems,
        clock_ahead=int(skew.skew(now).total_seconds()) if skew.holds(now) else None,
        lists_held_since=service.lists_held_since,
        replica=service.replica.name,
        differing=service.replica.differing,
    )


async def _metrics(service: Service, now: datetime) -> bytes:
    backlogs = Backlogs(service.store)
    gauges = GaugeValues(
        sources=await backlogs.sources(now),
        endpoints=await backlogs.endpoints(now, digests=notify_wiring.digest_policies(service.configuration)),
        is_config_stale=bool(service.config_problems),
        is_clock_held=service.poller.skew.holds(now),
        replicas=Counter(str(one["state"]) for one in await Reports(service.store).replicas(now)),
        replicas_differ=bool(service.replica.differing),
        hints=await HintSummaries(service.store).of_all(now),
    )
    return service.metrics.render(gauges)


def _rates(service: Service) -> Mapping[str, str]:
    return {source.name: format_rate(source.rate) for source in service.configuration.sources.values()}
