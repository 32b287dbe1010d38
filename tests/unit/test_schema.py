"""Real bodies against the published schema, and bodies that it has to refuse."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from watcher.core import body
from watcher.core.clock_events import ClockRules
from watcher.core.event import EventType
from watcher.core.invoice import Amounts, Customer, Direction, Snapshot, Status
from watcher.core.memory import Memory
from watcher.core.schema import event_schema
from watcher.core.transition import observe

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
RULES = ClockRules(due_soon=(timedelta(days=7),), reminders=(timedelta(days=1),))
VALIDATOR = cast(
    "Any", Draft202012Validator(cast("Any", event_schema()), format_checker=Draft202012Validator.FORMAT_CHECKER)
)


def euros(total: str, paid: str = "0.00", *, due: str | None = None, refunded: str = "0.00") -> tuple[Amounts, ...]:
    zero = Decimal("0.00")
    owed = Decimal(total) - Decimal(paid) if due is None else Decimal(due)
    return (Amounts("EUR", Decimal(total), Decimal(paid), owed, zero, Decimal(refunded), zero),)


OPEN = Snapshot(
    source="acme", provider="meteroid", id="inv_1", number="INV-1", status=Status.OPEN,
    provider_status="FINALIZED/UNPAID", overdue=False, payment_pending=False, failed_attempts=0,
    last_payment_error=None, direction=Direction.RECEIVABLE, amounts=euros("100.00"), issued_on=date(2026, 11, 1),
    due_on=date(2026, 11, 24), due_at=datetime(2026, 11, 25, tzinfo=UTC), created_at=None, finalized_at=NOW,
    paid_at=None, voided_at=None, customer=Customer("cus_1", None), line_count=1, url=None, tags=("vip",),
    due_key="2026-11-24",
)  # fmt: skip
LIFE = (
    (replace(OPEN, status=Status.DRAFT), timedelta(0)),
    (OPEN, timedelta(hours=1)),
    (replace(OPEN, failed_attempts=1, last_payment_error="card_declined"), timedelta(hours=2)),
    (replace(OPEN, payment_pending=True), timedelta(hours=3)),
    (replace(OPEN, status=Status.PARTIALLY_PAID, amounts=euros("100.00", "40.00")), timedelta(hours=4)),
    (replace(OPEN, status=Status.PARTIALLY_PAID, amounts=euros("100.00", "40.00")), timedelta(days=5)),
    (replace(OPEN, status=Status.PAID, amounts=euros("100.00", "100.00"), paid_at=NOW), timedelta(days=6)),
    (replace(OPEN, status=Status.PAID, amounts=euros("100.00", "120.00", due="0.00")), timedelta(days=7)),
    (replace(OPEN, amounts=euros("100.00")), timedelta(days=8)),
    (replace(OPEN, due_on=date(2027, 1, 1), due_key="2027-01-01"), timedelta(days=9)),
    (replace(OPEN, amounts=euros("150.00")), timedelta(days=10)),
    (replace(OPEN, status=Status.UNCOLLECTIBLE, amounts=euros("150.00", due="0.00")), timedelta(days=11)),
    (replace(OPEN, amounts=euros("150.00"), tags=("vip", "legal")), timedelta(days=12)),
    (replace(OPEN, status=Status.VOID, amounts=euros("150.00", due="0.00"), voided_at=NOW), timedelta(days=13)),
    (replace(OPEN, status=Status.DELETED, amounts=euros("150.00", due="0.00")), timedelta(days=14)),
    (OPEN, timedelta(days=15)),
)


def bodies() -> dict[str, bytes]:
    """The full body of every type that this life has, the last one of each."""
    memory, told = Memory(), dict[str, bytes]()
    for taken, later in LIFE:
        step = observe(memory, taken, None, NOW + later, RULES, clock_held=False)
        seen = body.Observation(NOW, NOW + later, NOW + later)
        told |= {event.fact.type.value: body.full(event, step.snapshot, seen, NOW + later) for event in step.events}
        memory = step.memory
    return told


BODIES = bodies()


def problems(document: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_the_schema_is_itself_valid_and_names_every_type() -> None:
    schema = cast("dict[str, Any]", event_schema())
    Draft202012Validator.check_schema(schema)

    assert schema["properties"]["type"]["enum"] == [event_type.value for event_type in EventType]


def test_this_life_tells_nearly_every_event_of_an_invoice() -> None:
    told = set(BODIES)

    assert {event_type.value for event_type in EventType if event_type.value.startswith("invoice.")} - told == {
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
    _, told = body.about_source(
        event_type, source="acme", provider="rapyd", reason="credentials refused", since=NOW, now=NOW
    )

    assert problems(json.loads(told)) == []


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
