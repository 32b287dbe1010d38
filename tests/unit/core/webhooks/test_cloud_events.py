"""Our CloudEvents, read by the official SDK."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from watcher.core.invoices.body import thin
from watcher.core.invoices.event import EventType
from watcher.core.invoices.event_schema import event_schema
from watcher.core.webhooks.cloud_events import CONTENT_TYPE, structured
from watcher.core.webhooks.examples import example
from watcher.core.webhooks.form import Form
from watcher.core.webhooks.subscription import Subscription

NOW = datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)
ABOUT_ENDPOINTS = {EventType.ENDPOINT_DISABLED, EventType.ENDPOINT_RECOVERED, EventType.WEBHOOK_TEST}


@pytest.mark.parametrize("event_type", EventType)
def test_the_official_sdk_reads_each_event_and_finds_our_data_in_it(event_type: EventType) -> None:
    body = example(event_type, "evt_test_1", NOW)
    event = from_structured_event(HTTPMessage({"content-type": CONTENT_TYPE}, structured(body)))
    data: dict[str, Any] = json.loads(body)["data"]
    assert event.get_specversion() == "1.0"
    assert event.get_id() == "evt_test_1"
    assert event.get_type() == event_type.value
    assert event.get_source() == ("/endpoints/example" if event_type in ABOUT_ENDPOINTS else "/example")
    assert event.get_subject() == data.get("invoice_id")
    assert event.get_time() == NOW
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == data


@pytest.mark.parametrize("event_type", [EventType.PAID, EventType.SOURCE_FAILING])
def test_its_data_is_what_the_published_schema_says(event_type: EventType) -> None:
    document = json.loads(structured(example(event_type, "evt_test_1", NOW)))
    schema = event_schema()
    data_schema = {"$ref": f"#/$defs/{event_type.value}/properties/data", "$defs": schema["$defs"]}
    jsonschema.validate(document["data"], data_schema, cls=jsonschema.Draft202012Validator)


def test_its_bytes_are_those_of_every_version_of_this_program() -> None:
    body = b'{"type":"invoice.paid","timestamp":"2026-11-22T10:00:00Z","data":{"event_id":"evt_1","source":"acme",'
    body += '"invoice_id":"inv_ü","delta":[{"currency":"EUR","amount":"10.00"}]}}'.encode()
    assert structured(body).decode() == (
        '{"specversion":"1.0","id":"evt_1","source":"/acme","type":"invoice.paid","subject":"inv_ü",'
        '"time":"2026-11-22T10:00:00Z","datacontenttype":"application/json","data":{"event_id":"evt_1",'
        '"source":"acme","invoice_id":"inv_ü","delta":[{"currency":"EUR","amount":"10.00"}]}}'
    )


def test_a_thin_body_is_a_thin_event() -> None:
    body = thin(example(EventType.PAID, "evt_test_1", NOW), truncated=True)
    data = json.loads(structured(body))["data"]
    assert data["truncated"] is True
    assert "invoice" not in data


@pytest.mark.parametrize(
    ("subscription", "size", "form", "stored"),
    [
        (Subscription("a", cloud_events=True), 100, Form.CLOUDEVENTS_FULL, Form.FULL),
        (Subscription("a", cloud_events=True, thin=True), 100, Form.CLOUDEVENTS_THIN, Form.THIN),
        (Subscription("a", cloud_events=True), 20_001, Form.CLOUDEVENTS_TRUNCATED, Form.TRUNCATED),
        (Subscription("a"), 20_001, Form.TRUNCATED, Form.TRUNCATED),
        (Subscription("a", thin=True), 100, Form.THIN, Form.THIN),
        (Subscription("a", whole=True), 20_001, Form.FULL, Form.FULL),
    ],
)
def test_the_form_follows_from_the_subscription_and_the_size(
    subscription: Subscription, size: int, form: Form, stored: Form
) -> None:
    assert subscription.form(size) is form
    assert form.stored is stored
    assert form.is_cloud_event is subscription.cloud_events
