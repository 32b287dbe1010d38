"""What types are made of is read from the schema; `tests/interop` compiles them."""

from typing import Any, cast

import pytest

from watcher.cli.receiver_types.model import Choice, Either, Named, Scalar, bodies
from watcher.core.invoices.event_schema import event_schema

SHAPES = bodies(event_schema())


def schema_with(event_type: str, **keywords: object) -> dict[str, object]:
    """The schema, with more said of the reason of an event."""
    schema = cast("Any", event_schema())
    schema["$defs"][event_type]["properties"]["data"]["properties"]["reason"].update(keywords)
    return schema


def test_events_have_the_order_of_the_schema_and_what_only_they_have() -> None:
    types = cast("Any", event_schema())["properties"]["type"]["enum"]
    own = {event.type: [one.name for one in event.own] for event in SHAPES.events}

    assert [event.type for event in SHAPES.events] == types
    assert own["invoice.paid"] == ["reason", "delta"]
    assert own["invoice.overdue_reminder"] == ["reason", "delta", "offset"]
    assert own["source.failing"] == []


def test_what_comes_together_and_what_instead_is_known() -> None:
    invoice, source, endpoint = SHAPES.groups

    assert (invoice.subject, invoice.whole, invoice.instead) == ("Invoice", ("changes", "invoice"), ("truncated",))
    assert [(one.subject, one.whole, one.instead) for one in (source, endpoint)] == [
        ("Source", (), ()),
        ("Endpoint", (), ()),
    ]
    reason = next(one for one in invoice.varying if one.name == "reason")
    assert reason.kind == Either((Choice(("configuration",)), Named("ClearedReason"), Scalar("null")))


def test_a_keyword_that_no_types_are_made_of_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="no types are made of minProperties"):
        bodies(schema_with("invoice.paid", minProperties=1))
