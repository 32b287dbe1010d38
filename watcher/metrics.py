"""Prometheus metrics: counters of this process, and gauges read from the database at each scrape."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import generate_latest

from watcher import __version__
from watcher.core.scheduling.hint_state import HintState
from watcher.ports import (
    EndpointBacklog,
    EventRecord,
    HintOutcome,
    HintsTaken,
    HintSummary,
    Outcome,
    PollOutcome,
    Receipt,
    SourceBacklog,
)

_NAMESPACE = "invoice_watcher"
_ANSWER_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
_DELAY_SECONDS = (10, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 72 * 3600)


@dataclass(frozen=True, slots=True)
class GaugeValues:
    """The values of the gauges at one scrape."""

    sources: Iterable[SourceBacklog]
    endpoints: Iterable[EndpointBacklog]
    is_config_stale: bool
    is_clock_held: bool
    replicas: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many there are in each state."""
    replicas_differ: bool = False
    hints: Mapping[str, HintSummary] = field(default_factory=dict[str, HintSummary])
    """By source, of those that take hints."""


class Metrics:
    """Observes polling and delivery. All names are explained in docs/operator.md."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(namespace=_NAMESPACE, registry=registry)
        info = Info("build", "Which program this is.", namespace=_NAMESPACE, registry=registry)
        info.info({"version": __version__, "python": platform.python_version()})
        self._requests = self._counter("requests", "HTTP requests of every kind to the account.", "source")
        self._requests_of: dict[str, Counter] = {}
        self._polls = self._counter("polls", "Polls of invoices, by how they ended.", "source", "outcome")
        self._events = self._counter("events", "Events about invoices that this process recorded.", "type")
        self._hints = self._counter("hints", "Hints that came, by what became of them.", "source", "outcome")
        self._hinted = self._counter("hinted_invoices", "Invoices that accepted hints named.", "source", "state")
        self._attempts = self._counter("attempts", "Attempts to deliver, by how they ended.", "endpoint", "outcome")
        self._attempts_of: dict[tuple[str, Outcome], tuple[Counter, Histogram]] = {}
        self._turns = self._counter("loop_turns", "Iterations of the service's loops.", "loop")
        self._durations = Histogram(
            "attempt_duration_seconds",
            "From the beginning of an attempt to the end of the answer.",
            ("endpoint",),
            namespace=_NAMESPACE,
            registry=registry,
            buckets=_ANSWER_SECONDS,
        )
        self._delays = Histogram(
            "detection_delay_seconds",
            "From the provider's time of a change to the poll that found it.",
            ("source",),
            namespace=_NAMESPACE,
            registry=registry,
            buckets=_DELAY_SECONDS,
        )
        self._add_gauges()

    def _add_gauges(self) -> None:
        self._expected = self._gauge("expected_delay_seconds", "Its forecast average.", "source")
        self._rates = self._gauge("rate_limit_requests_per_second", "The account's configured rate.", "source")
        self._source_up = self._gauge("source_up", "1 unless the account is failing or asked for a pause.", "source")
        self._poll_lag = self._gauge("poll_lag_seconds", "How long the longest due watch has been due.", "source")
        self._endpoint_up = self._gauge("endpoint_up", "1 unless disabled, or failing and only probed.", "endpoint")
        self._waiting = self._gauge("deliveries_waiting", "Deliveries that have not ended.", "endpoint")
        self._outbox_age = self._gauge("outbox_age_seconds", "Age of the oldest event that waits.", "endpoint")
        self._stale = self._gauge("config_stale", "1 while a file on disk is refused and the last good one in force.")
        self._clock = self._gauge("clock_events_held", "1 while our clock is not trusted.")
        self._hints_stopped = self._gauge(
            "hints_stopped", "1 while changes come without the hints that used to bring them.", "source"
        )
        self._hinted_share = self._gauge("hinted_changes_ratio", "Changes first seen by a hint, of all.", "source")
        self._replicas = self._gauge("replicas", "The processes that share the database.", "state")
        self._differ = self._gauge("replicas_differ", "1 while the configurations of replicas differ.")

    def requested(self, source: str, now: datetime) -> None:  # noqa: ARG002 - the port's
        # Looking up a label costs as much as everything else here, and this runs for every request.
        counter = self._requests_of.get(source) or self._requests_of.setdefault(source, self._requests.labels(source))
        counter.inc()

    def polled(self, source: str, outcome: PollOutcome, count: int) -> None:
        self._polls.labels(source, outcome.value).inc(count)

    def hinted(self, source: str, outcome: HintOutcome, taken: HintsTaken | None) -> None:
        self._hints.labels(source, outcome.value).inc()
        if taken is not None:
            for state in ("due", "discovered", "unknown"):
                self._hinted.labels(source, state).inc(getattr(taken, state))

    def recorded(self, event: EventRecord) -> None:
        self._events.labels(event.type).inc()
        if event.delay is not None and event.source is not None:
            self._delays.labels(event.source).observe(event.delay.total_seconds())

    def attempted(self, endpoint: str, receipt: Receipt) -> None:
        ended = self._attempts_of.get((endpoint, receipt.outcome))
        if ended is None:  # looking up labels costs twice as much as counting, and this runs for every attempt
            ended = self._attempts.labels(endpoint, receipt.outcome.value), self._durations.labels(endpoint)
            self._attempts_of[endpoint, receipt.outcome] = ended
        attempts, durations = ended
        attempts.inc()
        durations.observe(receipt.duration.total_seconds())

    def beat(self, loop: str) -> None:
        self._turns.labels(loop).inc()

    def configured(self, rates: Mapping[str, float]) -> None:
        """The rates in force, in requests a second by source."""
        self._rates.clear()
        for source, rate in rates.items():
            self._rates.labels(source).set(rate)

    def forecasts(self, delays: Mapping[str, timedelta | None]) -> None:
        """The expected delays by source; None where it is unknown."""
        self._expected.clear()
        for source, delay in delays.items():
            if delay is not None:
                self._expected.labels(source).set(delay.total_seconds())

    def render(self, gauges: GaugeValues) -> bytes:
        """The text format of Prometheus 0.0.4."""
        for gauge in (self._source_up, self._poll_lag, self._endpoint_up, self._waiting, self._outbox_age):
            gauge.clear()
        for source in gauges.sources:
            self._source_up.labels(source.source).set(source.is_up)
            self._poll_lag.labels(source.source).set(source.lag.total_seconds())
        for endpoint in gauges.endpoints:
            self._endpoint_up.labels(endpoint.endpoint).set(endpoint.is_up)
            self._waiting.labels(endpoint.endpoint).set(endpoint.waiting)
            self._outbox_age.labels(endpoint.endpoint).set(endpoint.oldest.total_seconds())
        self._stale.set(gauges.is_config_stale)
        self._clock.set(gauges.is_clock_held)
        for gauge in (self._hints_stopped, self._hinted_share):
            gauge.clear()
        for source, hints in gauges.hints.items():
            self._hints_stopped.labels(source).set(hints.state is HintState.STOPPED)
            if hints.share is not None:
                self._hinted_share.labels(source).set(hints.share)
        self._replicas.clear()
        for state, count in gauges.replicas.items():
            self._replicas.labels(state).set(count)
        self._differ.set(gauges.replicas_differ)
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, namespace=_NAMESPACE, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, namespace=_NAMESPACE, registry=self.registry)
