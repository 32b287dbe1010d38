"""What Prometheus scrapes from a running service."""

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.web.client import Client


async def test_the_metrics_of_a_running_service_are_scraped_with_the_token(client: Client) -> None:
    await client.post("/api/v1/watches", 201, {"source": "acme", "invoice_id": "inv_1"})
    scraped = await client.ask("GET", "/metrics")
    assert (scraped.status, scraped.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(scraped.text)
        for sample in family.samples
    }
    assert found["invoice_watcher_rate_limit_requests_per_second", "acme"] == 5
    assert found["invoice_watcher_source_up", "acme"] == 1
    assert found["invoice_watcher_poll_lag_seconds", "acme"] > 0
    assert found["invoice_watcher_deliveries_waiting", "ledger"] == 0
    assert found["invoice_watcher_config_stale",] == 0
