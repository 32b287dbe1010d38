"""The HTTP server of a running service: the backend of its operations, and the socket."""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial

import structlog

from watcher.clock import Clock, SystemClock
from watcher.config.adapters.built_in import BUILT_IN
from watcher.config.json_schemas import config_schema, watchlist_schema
from watcher.config.values.addresses import is_loopback, split_listen
from watcher.config.values.durations import format_rate
from watcher.core.invoices.event_schema import event_schema
from watcher.daemon import notify_wiring
from watcher.daemon.operator_actions import OperatorActions
from watcher.daemon.receivables import ServiceReceivables
from watcher.daemon.service import Service
from watcher.metrics import GaugeValues
from watcher.ports import AccessToken, AgingBy, AgingKey, AgingRow, Condition
from watcher.store import Backlogs, HintSummaries, Reports, SqlAging, SqlDashboard
from watcher.web import Access, Backend, HintRoutes, application, hint_application, serving

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
        actions=partial(OperatorActions, service, clock),
        feed=service.feed,
        clock=clock,
        access=Access(host, _Tokens(service, host), lambda: service.configuration.http.host_names),
        condition=lambda: _condition(service, clock.now()),
        metrics=lambda: _metrics(service, clock.now()),
        rates=lambda: _rates(service),
        schemas={"event": event_schema, "config": lambda: config_schema(BUILT_IN), "watchlist": watchlist_schema},
        dashboard=SqlDashboard(service.store),
        dashboard_cache=service.dashboard_cache,
        requests=service.usage.requests,
        detection_delays=lambda: service.detection_delays,
        hints=HintSummaries(service.store).of_all,
        aging=partial(_aging, service, clock),
        timezone=lambda: service.configuration.http.timezone,
        receivables=ServiceReceivables(service, clock),
    )


async def _aging(
    service: Service, clock: Clock, by: AgingBy, after: AgingKey | None, limit: int | None
) -> Sequence[AgingRow]:
    zones = {source.name: source.timezone for source in service.configuration.sources.values()}
    return await SqlAging(service.store).report(by, clock.now(), zones, after=after, limit=limit)


class _Tokens:
    """The tokens in force. A reload may change them, and take away the last only if the service listens on loopback."""

    def __init__(self, service: Service, host: str) -> None:
        self._service = service
        self._is_loopback = is_loopback(host)
        self._last: tuple[AccessToken, ...] = ()

    def __call__(self) -> tuple[AccessToken, ...]:
        tokens = self._service.configuration.http.access_tokens
        if tokens or self._is_loopback:
            self._last = tokens
        return self._last


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
