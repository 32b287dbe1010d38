"""What monitoring reads, as a scraper reads it."""

from dataclasses import replace
from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from tests.fakes import stored
from watcher.metrics import GaugeValues, Metrics
from watcher.ports import EndpointBacklog, Outcome, PollOutcome, SourceBacklog

NOTHING = GaugeValues(sources=(), endpoints=(), is_config_stale=False, is_clock_held=False)
Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(metrics: Metrics, gauges: GaugeValues = NOTHING) -> dict[Sample, float]:
    families = text_string_to_metric_families(metrics.render(gauges).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_name_begins_with_the_programs() -> None:
    assert all(name.startswith("invoice_watcher_") for name, _ in samples(Metrics()))


def test_what_the_loops_do_is_counted() -> None:
    metrics = Metrics()
    metrics.requested("acme", stored.NOW)
    metrics.polled("acme", PollOutcome.CHANGED, 1)
    metrics.polled("acme", PollOutcome.UNCHANGED, 2)
    metrics.recorded(replace(stored.event("evt_1", "invoice.paid"), delay=timedelta(minutes=2)))
    metrics.forecasts({"acme": timedelta(minutes=5), "other": None})
    metrics.attempted("ledger", stored.receipt(Outcome.RETRY))
    metrics.beat("polling")
    told = samples(metrics)
    assert told["invoice_watcher_requests_total", (("source", "acme"),)] == 1
    assert told["invoice_watcher_polls_total", (("outcome", "unchanged"), ("source", "acme"))] == 2
    assert told["invoice_watcher_polls_total", (("outcome", "changed"), ("source", "acme"))] == 1
    assert told["invoice_watcher_events_total", (("type", "invoice.paid"),)] == 1
    assert told["invoice_watcher_attempts_total", (("endpoint", "ledger"), ("outcome", "retry"))] == 1
    assert told["invoice_watcher_attempt_duration_seconds_sum", (("endpoint", "ledger"),)] == 0.005
    assert told["invoice_watcher_loop_turns_total", (("loop", "polling"),)] == 1
    assert told["invoice_watcher_detection_delay_seconds_sum", (("source", "acme"),)] == 120
    expected = {
        labels: value for (name, labels), value in told.items() if name == "invoice_watcher_expected_delay_seconds"
    }
    assert expected == {(("source", "acme"),): 300}


def test_what_is_gone_is_shown_no_more() -> None:
    metrics = Metrics()
    metrics.configured({"acme": 5.0, "old": 1.0})
    before = samples(
        metrics,
        GaugeValues(
            sources=[SourceBacklog("old", is_up=False, lag=timedelta(minutes=2))],
            endpoints=[EndpointBacklog("ledger", is_up=True, waiting=3, oldest=timedelta(hours=1))],
            is_config_stale=True,
            is_clock_held=True,
        ),
    )
    assert before["invoice_watcher_source_up", (("source", "old"),)] == 0
    assert before["invoice_watcher_poll_lag_seconds", (("source", "old"),)] == 120
    assert before["invoice_watcher_deliveries_waiting", (("endpoint", "ledger"),)] == 3
    assert before["invoice_watcher_outbox_age_seconds", (("endpoint", "ledger"),)] == 3600
    assert before["invoice_watcher_endpoint_up", (("endpoint", "ledger"),)] == 1
    assert (before["invoice_watcher_config_stale", ()], before["invoice_watcher_clock_events_held", ()]) == (1, 1)

    metrics.configured({"acme": 2.5})
    after = samples(metrics)
    rates = {labels: value for (name, labels), value in after.items() if "rate_limit" in name}
    assert rates == {(("source", "acme"),): 2.5}
    assert not [name for name, labels in after if labels in {(("source", "old"),), (("endpoint", "ledger"),)}]
    assert (after["invoice_watcher_config_stale", ()], after["invoice_watcher_clock_events_held", ()]) == (0, 0)
