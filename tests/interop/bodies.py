"""Every body that a receiver may get: an example of each type, whole, thin and truncated."""

from datetime import UTC, datetime

from watcher.core.invoices import body
from watcher.core.invoices.event import EventType
from watcher.core.webhooks.examples import example

NOW = datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)


def forms(event_type: EventType) -> dict[str, bytes]:
    whole = example(event_type, "evt_test_1", NOW)
    found = {"whole": whole, "thin": example(event_type, "evt_test_1", NOW, is_thin=True)}
    if event_type.value.startswith("invoice."):
        found["truncated"] = body.thin(whole, truncated=True)
    return found
