"""Real bodies against the published schema, and bodies that it has to refuse."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.life import BEGINS_AT, live
from watcher.core.invoices import body
from watcher.core.invoices.event import EventType
from watcher.core.invoices.event_schema import event_schema

VALIDATOR = cast(
    "Any", Draft202012Validator(cast("Any", event_schema()), format_checker=Draft202012Validator.FORMAT_CHECKER)
)
BODIES = {
    event.fact.type.value: recorded
    for stage in live()
    for event, recorded in zip(stage.transition.events, stage.bodies, strict=True)
}
"""The full body of every type that this life has, the last one of each."""


def problems(document: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_the_schema_is_itself_valid_and_names_every_type() -> None:
    schema = cast("dict[str, Any]", event_schema())
    Draft202012Validator.check_schema(schema)

    assert schema["properties"]["type"]["enum"] == [event_type.value for event_type in EventType]


def test_this_life_records_nearly_every_event_of_an_invoice() -> None:
    recorded = set(BODIES)

    assert {event_type.value for event_type in EventType if event_type.value.startswith("invoice.")} - recorded == {
        "invoice.credited",
        "invoice.refunded",
    }


@pytest.mark.parametrize("event_type", sorted(BODIES))
def test_a_real_body_matches_whole_thin_and_truncated(event_type: str) -> None:
    whole = BODIES[event_type]
    forms = (whole, body.thin(whole, truncated=False), body.thin(whole, truncated=True))

    assert [problems(json.loads(form)) for form in forms] == [[], [], []]


@pytest.mark.parametrize("event_type", [EventType.SOURCE_FAILING, EventType.SOURCE_RECOVERED])
def test_events_about_a_source_match(event_type: EventType) -> None:
    _, recorded = body.about_source(
        event_type, source="acme", provider="rapyd", reason="credentials refused", since=BEGINS_AT, now=BEGINS_AT
    )

    assert problems(json.loads(recorded)) == []


@pytest.mark.parametrize("event_type", [EventType.ENDPOINT_DISABLED, EventType.ENDPOINT_RECOVERED])
def test_events_about_an_endpoint_match(event_type: EventType) -> None:
    event_id, recorded = body.about_endpoint(
        event_type, endpoint="ledger", reason="gone", since=BEGINS_AT, now=BEGINS_AT + timedelta(days=1)
    )

    assert problems(json.loads(recorded)) == []
    assert json.loads(recorded)["data"]["event_id"] == event_id


def with_float(document: dict[str, Any]) -> None:
    document["data"]["invoice"]["amounts"][0]["paid"] = 100.0


def with_local_time(document: dict[str, Any]) -> None:
    document["timestamp"] = "2026-11-22T10:00:00+01:00"


def with_unknown_key(document: dict[str, Any]) -> None:
    document["data"]["invoice"]["customer_email"] = "jane@example.com"


def without_snapshot_key(document: dict[str, Any]) -> None:
    del document["data"]["invoice"]["number"]


def with_half_of_a_thin_body(document: dict[str, Any]) -> None:
    del document["data"]["changes"]


def whole_but_truncated(document: dict[str, Any]) -> None:
    document["data"]["truncated"] = True


def with_another_type(document: dict[str, Any]) -> None:
    document["type"] = "invoice.due_soon"


def with_sequence_zero(document: dict[str, Any]) -> None:
    document["data"]["sequence"] = 0


@pytest.mark.parametrize(
    "spoil",
    [
        with_float,
        with_local_time,
        with_unknown_key,
        without_snapshot_key,
        with_half_of_a_thin_body,
        whole_but_truncated,
        with_another_type,
        with_sequence_zero,
    ],
)
def test_a_body_that_breaks_a_promise_is_refused(spoil: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(BODIES["invoice.paid"])
    assert problems(document) == []

    spoil(document)

    assert problems(document) != []
