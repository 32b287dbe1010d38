"""The examples that `trigger` sends, of every type and in every form, against the published schema."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from watcher.core.invoices import body
from watcher.core.invoices.event import EventType
from watcher.core.invoices.event_schema import event_schema
from watcher.core.webhooks.examples import example

NOW = datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)
VALIDATOR = cast(
    "Any", Draft202012Validator(cast("Any", event_schema()), format_checker=Draft202012Validator.FORMAT_CHECKER)
)
each_type = pytest.mark.parametrize("event_type", list(EventType))


def problems(recorded: bytes) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(json.loads(recorded))]


@each_type
def test_every_form_of_every_example_matches_the_published_schema(event_type: EventType) -> None:
    whole = example(event_type, "evt_test_1", NOW)
    forms = [whole, example(event_type, "evt_test_1", NOW, is_thin=True)]
    if event_type.value.startswith("invoice."):
        forms.append(body.thin(whole, truncated=True))

    assert [problems(form) for form in forms] == [[] for _ in forms]


@each_type
@pytest.mark.parametrize("hour", [0, 23])
def test_an_example_says_that_it_is_one_at_any_time_of_day(event_type: EventType, hour: int) -> None:
    now = datetime(2028, 2, 29, tzinfo=UTC) + timedelta(hours=hour)
    document = json.loads(example(event_type, "evt_test_1", now))

    assert (document["type"], document["data"]["event_id"]) == (event_type.value, "evt_test_1")
    assert document["data"]["test"] is True
    assert problems(json.dumps(document).encode()) == []


@each_type
def test_a_thin_example_leaves_out_the_invoice_and_its_changes(event_type: EventType) -> None:
    recorded = json.loads(example(event_type, "evt_test_1", NOW, is_thin=True))["data"]

    assert recorded["test"] is True
    assert not {"invoice", "changes", "truncated"} & set(recorded)


@pytest.mark.parametrize(
    ("event_type", "field", "value"),
    [
        (EventType.PAID, "delta", [{"currency": "EUR", "amount": "1079.98"}]),
        (EventType.PAYMENT_REVERSED, "delta", [{"currency": "EUR", "amount": "1079.98"}]),
        (EventType.REFUNDED, "delta", [{"currency": "EUR", "amount": "79.98"}]),
        (EventType.PAYMENT_FAILED, "attempts_delta", 1),
        (EventType.DUE_SOON, "offset", "7d"),
        (EventType.OVERDUE_REMINDER, "offset", "1d"),
        (EventType.OVERDUE_CLEARED, "reason", "paid"),
        (EventType.OVERDUE, "occurred_at", "2026-11-22T00:00:00Z"),
    ],
)
def test_an_example_is_reported_as_in_earnest(event_type: EventType, field: str, value: object) -> None:
    assert json.loads(example(event_type, "evt_test_1", NOW))["data"][field] == value


def test_only_an_example_may_say_that_it_is_a_test() -> None:
    document = json.loads(example(EventType.PAID, "evt_1", NOW))
    assert problems(json.dumps(document).encode()) != []

    del document["data"]["test"]

    assert problems(json.dumps(document).encode()) == []
