"""The Python of `schema event --as python`: it reads every body and no wrong one, and strict checkers accept it."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.integration.repository import ROOT
from tests.integration.repository.documents import blocks
from tests.interop.bodies import NOW, forms
from tests.interop.test_typescript_types import WRONG
from watcher.cli.receiver_types.model import bodies
from watcher.cli.receiver_types.python import python
from watcher.core.invoices.event import EventType
from watcher.core.invoices.event_schema import event_schema

NARROWED = """\
from typing import assert_type

from invoice_events import (
    ClearedReason,
    Delta,
    EndpointEvent,
    InvoiceCredited,
    InvoiceDueSoon,
    InvoiceEvent,
    InvoiceOverdueCleared,
    InvoicePaid,
    Money,
    WatcherEvent,
)


def about(event: InvoiceEvent) -> str:
    return f"{event.type} {event.invoice_id} {event.reason or ''}"


def narrowed(event: WatcherEvent) -> str:
    match event:
        case InvoicePaid(delta=delta):
            assert_type(delta, tuple[Delta, ...] | None)
            return event.type
        case InvoiceCredited(delta=delta):
            assert_type(delta[0].amount, Money)
            return event.type
        case InvoiceOverdueCleared(reason=reason):
            assert_type(reason, ClearedReason)
            return reason
        case InvoiceDueSoon():
            return event.offset
        case InvoiceEvent():
            assert_type(event.delta, tuple[Delta, ...] | None)
            return about(event)
        case EndpointEvent():
            return event.endpoint
        case _:
            return event.source
"""
STILL_WRONG = {name: spoil for name, spoil in WRONG.items() if name != "a field that nobody knows"}


@pytest.fixture(scope="module", name="printed")
def fixture_printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The printed file, in a folder with what a receiver does with it."""
    folder = tmp_path_factory.mktemp("receiver")
    (receiver,) = (one for one in blocks(ROOT / "docs" / "subscriber.md", "python") if "invoice_events" in one)
    (folder / "receiver.py").write_text(receiver, "utf-8")
    (folder / "narrowed.py").write_text(NARROWED, "utf-8")
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "pythonVersion": "3.11"}', "utf-8")
    file = folder / "invoice_events.py"
    file.write_text(python(bodies(event_schema())), "utf-8")
    return file


@pytest.fixture(scope="module", name="events")
def fixture_events(printed: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("invoice_events", printed)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 -- tools and our files
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


@pytest.mark.timeout(300)
def test_a_strict_type_checker_accepts_it_and_narrows_its_events(printed: Path) -> None:
    assert run(sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "-p", str(printed.parent)) == ""


def test_it_has_the_form_and_the_rules_of_ruff(printed: Path) -> None:
    ruff = (sys.executable, "-m", "ruff")
    rules = ("--config", str(ROOT / "pyproject.toml"), "--line-length", "88", "--ignore", "INP001")
    assert run(*ruff, "format", "--isolated", "--check", str(printed)) == ""
    assert run(*ruff, "check", "--no-cache", *rules, str(printed)) == ""


@pytest.mark.parametrize("event_type", list(EventType))
def test_every_form_of_every_body_is_read(event_type: EventType, events: ModuleType) -> None:
    for form, body in forms(event_type).items():
        event, sent = events.parse(body), json.loads(body)

        assert type(event).__name__ == event_type.value.title().replace(".", "").replace("_", "")
        assert (event.type, event.timestamp, event.event_id) == (event_type.value, NOW, "evt_test_1")
        assert event.test is True
        if event_type.value.startswith("invoice."):
            assert (event.invoice is not None) == (event.changes is not None) == (form == "whole")
            assert event.truncated == (form == "truncated")
            assert event.sequence == sent["data"]["sequence"]


def test_what_is_read_has_the_values_of_the_body(events: ModuleType) -> None:
    event = events.parse(forms(EventType.PAID)["whole"])

    assert event.delta == (events.Delta(currency="EUR", amount=Decimal("1079.98")),)
    assert event.occurred_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert event.invoice.issued_on == date(2026, 11, 12)
    assert event.invoice.amounts[0].paid == Decimal("1079.98")
    assert event.invoice.customer == events.Customer(id="cus_example", name=None)
    assert next((one.field, one.before, one.after) for one in event.changes) == ("status", "open", "paid")
    assert (event.invoice.tags, event.invoice.voided_at, event.reason) == (("example",), None, None)


@pytest.mark.parametrize("spoil", STILL_WRONG.values(), ids=STILL_WRONG)
def test_a_wrong_body_is_refused(spoil: Callable[[dict[str, Any]], object], events: ModuleType) -> None:
    document = json.loads(forms(EventType.PAID)["whole"])
    spoil(document)

    with pytest.raises(events.InvalidBody, match=r"^body"):
        events.parse(json.dumps(document))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "body is no object"),
        (b"{}", "body lacks type"),
        (b'{"type": "invoice.lost"}', "body.type is 'invoice.lost', which this file does not have"),
        (b'{"type": "webhook.test", "data": []}', r"body.data is no object"),
    ],
)
def test_what_is_no_body_is_refused_with_a_sentence(body: bytes, sentence: str, events: ModuleType) -> None:
    with pytest.raises(events.InvalidBody, match=sentence):
        events.parse(body)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (
            ("timestamp",),
            "2026-11-22T10:00:00+01:00",
            r"body.timestamp is '2026-11-22T10:00:00\+01:00', not an instant",
        ),
        (("timestamp",), "2026-13-22T10:00:00Z", "body.timestamp is '2026-13-22T10:00:00Z', not an instant in UTC"),
        (("data", "sequence"), True, "body.data.sequence is True, not a whole number"),
        (("data", "inferred"), 0, "body.data.inferred is 0, not true or false"),
        (("data", "invoice", "due_on"), "2026-02-30", "body.data.invoice.due_on is '2026-02-30', not a date"),
        (("data", "invoice", "tags"), ["a", 1], r"body.data.invoice.tags\[1\] is 1, not text"),
        (("data", "invoice", "amounts"), {}, "body.data.invoice.amounts is {}, not a list"),
        (("data", "delta"), [{"currency": "EUR", "amount": "1e9"}], r"body.data.delta\[0\].amount is '1e9', not an am"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(
    path: tuple[str, ...], value: object, sentence: str, events: ModuleType
) -> None:
    document = json.loads(forms(EventType.PAID)["whole"])
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(events.InvalidBody, match=sentence):
        events.parse(json.dumps(document))


def test_a_type_and_fields_of_a_newer_version_break_no_receiver(events: ModuleType) -> None:
    document = json.loads(forms(EventType.PAID)["whole"])
    document["data"]["invoice"]["new"] = document["data"]["new"] = document["cursor"] = 1

    assert events.parse(json.dumps(document)) == events.parse(forms(EventType.PAID)["whole"])
    with pytest.raises(events.UnknownEvent):
        events.parse(json.dumps(document | {"type": "invoice.disputed"}))
