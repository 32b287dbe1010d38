"""`trigger` over real sockets: an example of every type, and the places where none may go."""

import json
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from tests.fakes.receiver import answering, receiving
from tests.integration.cli.conftest import SECRET
from tests.integration.cli.elsewhere import configure, elsewhere
from tests.integration.cli.terminal import Terminal
from watcher.core.invoices.event import EventType
from watcher.core.invoices.event_schema import event_schema
from watcher.sandbox import Receiver

VALIDATOR = cast("Any", Draft202012Validator(cast("Any", event_schema())))


@pytest.mark.parametrize("payload", ["full", "thin"])
def test_every_type_arrives_signed_and_matches_the_published_schema(payload: str, terminal: Terminal) -> None:
    with elsewhere(lambda: Receiver((SECRET,))) as receiver:
        configure(terminal.folder, receiver.url(), f'payload = "{payload}"', 'events = ["*"]')
        sent = [terminal.type(f"trigger {kind} --endpoint ledger --json") for kind in EventType]

    bodies = [json.loads(delivery.body) for delivery in receiver.verified]
    assert [ran.code for ran in sent] == [0] * len(EventType)
    assert [body["type"] for body in bodies] == list(EventType)
    assert [delivery.id for delivery in receiver.deliveries] == [ran.document["event_id"] for ran in sent]
    assert [body["data"]["event_id"] for body in bodies] == [ran.document["event_id"] for ran in sent]
    assert all(body["data"]["test"] is True and body["data"]["event_id"].startswith("evt_test_") for body in bodies)
    assert len({body["data"]["event_id"] for body in bodies}) == len(EventType)
    assert [error.message for body in bodies for error in VALIDATOR.iter_errors(body)] == []
    assert ("invoice" in bodies[0]["data"]) == (payload == "full")
    assert list(terminal.folder.rglob("*.db")) == []


def test_an_endpoint_without_allow_private_gets_none(terminal: Terminal) -> None:
    configure(terminal.folder, "https://example.com/hooks", "allow_private = []")
    ran = terminal.type("trigger invoice.paid --endpoint ledger")

    assert (ran.code, ran.out) == (1, "")
    assert "has no allow_private" in ran.err


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_private_address_outside_allow_private_gets_none(scheme: str, terminal: Terminal) -> None:
    with elsewhere(lambda: receiving(answering())) as receiver:
        configure(terminal.folder, receiver.url(scheme, "localhost"), 'allow_private = ["10.0.0.0/8"]')
        ran = terminal.type("trigger invoice.paid --endpoint ledger")

    assert receiver.connections == 0
    assert (ran.code, ran.out) == (1, "")
    assert "only to addresses inside allow_private" in ran.err


def test_a_public_address_gets_none_though_the_endpoint_may_send_there(terminal: Terminal) -> None:
    configure(terminal.folder, "https://8.8.8.8/hooks")
    ran = terminal.type("trigger invoice.paid --endpoint ledger")

    assert (ran.code, ran.out) == (1, "")
    assert "webhooks may not go to 8.8.8.8 port 443" in ran.err


def test_what_the_filters_leave_out_is_sent_and_said(terminal: Terminal) -> None:
    with elsewhere(lambda: Receiver((SECRET,))) as receiver:
        configure(terminal.folder, receiver.url())
        ran = terminal.type("trigger invoice.updated --endpoint ledger")

    assert (ran.code, len(receiver.verified)) == (0, 1)
    assert "its `events` leave out invoice.updated" in ran.err


def test_an_answer_is_explained(terminal: Terminal) -> None:
    with elsewhere(lambda: receiving(answering(422, b"unknown field test"))) as receiver:
        configure(terminal.folder, receiver.url())
        ran = terminal.type("trigger invoice.paid --endpoint ledger")

    assert ran.code == 1
    assert "it answered 422" in ran.out
    assert "It said: unknown field test" in ran.out


def test_an_unknown_type_is_bad_usage_and_an_unknown_endpoint_is_met_with_the_nearest(terminal: Terminal) -> None:
    bad, unknown = (terminal.type(f"trigger {words}") for words in ("invoice.pais --endpoint ledger",
                                                                     "invoice.paid --endpoint leger"))  # fmt: skip

    assert (bad.code, unknown.code) == (2, 1)
    assert "invoice.paid" in bad.err
    assert "did you mean 'ledger'?" in unknown.err
