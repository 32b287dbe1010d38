"""`endpoints test` over real sockets: what came back, in words that name the likely cause."""

import json
import socket
import ssl
from contextlib import AbstractContextManager
from typing import Any, cast

import pytest
import trustme
from jsonschema import Draft202012Validator

from tests.fakes.receiver import Receiver as Scripted
from tests.fakes.receiver import Script, answering, receiving, silent, then_closing, writing
from tests.integration.cli.conftest import SECRET
from tests.integration.cli.elsewhere import configure, elsewhere
from tests.integration.cli.terminal import Ran, Terminal
from watcher.core.invoices.event_schema import event_schema
from watcher.sandbox import Receiver


def scripted(script: Script, tls: ssl.SSLContext | None = None) -> AbstractContextManager[Scripted]:
    return elsewhere(lambda: receiving(script, tls))


def send_test(terminal: Terminal, url: str, *lines: str) -> Ran:
    configure(terminal.folder, url, *lines)
    return terminal.type("endpoints test ledger --json")


def explanation(ran: Ran) -> str:
    assert (ran.code, ran.document["delivered"]) == (1, False)
    return str(ran.document["explanation"])


def test_a_signed_test_event_arrives_and_matches_the_published_schema(terminal: Terminal) -> None:
    with elsewhere(lambda: Receiver((SECRET,))) as receiver:
        ran = send_test(terminal, receiver.url("/hooks"))

    [delivery] = receiver.deliveries
    body = json.loads(delivery.body)
    assert (ran.code, ran.document["delivered"], ran.document["status"]) == (0, True, 204)
    assert (delivery.verified, delivery.type, delivery.id) == (True, "webhook.test", body["data"]["event_id"])
    assert ran.document["event_id"] == delivery.id
    assert list(cast("Any", Draft202012Validator(cast("Any", event_schema()))).iter_errors(body)) == []


def test_nothing_is_recorded_by_a_test(terminal: Terminal) -> None:
    with elsewhere(lambda: Receiver((SECRET,))) as receiver:
        send_test(terminal, receiver.url())

    assert list(terminal.folder.rglob("*.db")) == []


def test_a_wrong_secret_is_explained(terminal: Terminal) -> None:
    with elsewhere(lambda: Receiver(("whsec_" + "A" * 40,))) as receiver:
        ran = send_test(terminal, receiver.url())

    assert ran.document["status"] == 401
    assert "compare the secrets" in explanation(ran)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "compare the secrets"),
        (403, "firewall"),
        (404, "no such path"),
        (405, "does not take POST"),
        (410, "would disable the endpoint"),
        (415, "application/json"),
        (418, "it answered 418"),
        (422, "accept every type"),
        (429, "see rate"),
        (500, "check its own log"),
        (502, "did not reach it"),
        (503, "not ready"),
        (507, "check its own log"),
    ],
)
def test_each_status_is_named_with_what_it_means_and_what_was_said(status: int, words: str, terminal: Terminal) -> None:
    with scripted(answering(status, b"<b>sorry</b>\n\x1b[2J  nothing here")) as receiver:
        ran = send_test(terminal, receiver.url())

    assert ran.document["status"] == status
    assert f"it answered {status}" in explanation(ran)
    assert words in explanation(ran)
    assert "It said: <b>sorry</b> \ufffd[2J nothing here" in explanation(ran)


def test_a_redirect_is_explained_with_where_it_leads(terminal: Terminal) -> None:
    with scripted(answering(308, headers=("Location: https://example.com/moved?a=b",))) as receiver:
        ran = send_test(terminal, receiver.url())

    assert len(receiver.requests) == 1
    assert "final URL (https://example.com/moved?a=b)" in explanation(ran)


def test_a_name_without_an_address_is_explained(terminal: Terminal) -> None:
    ran = send_test(terminal, f"http://{'x' * 64}.example/hooks")

    assert ran.document["error"] == "dns"
    assert "check the URL's spelling" in explanation(ran)


def test_nobody_listening_is_explained(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    ran = send_test(terminal, f"http://127.0.0.1:{port}/")

    assert "is the receiver running, and on that port? (Connection refused)" in explanation(ran)


def test_a_certificate_that_is_not_trusted_is_explained(terminal: Terminal) -> None:
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(theirs)  # pyright: ignore[reportUnknownMemberType] pyOpenSSL's contexts are untyped
    with scripted(answering(), theirs) as receiver:
        ran = send_test(terminal, receiver.url("https"))

    assert receiver.requests == []
    assert "certificate was not accepted" in explanation(ran)
    assert "issuer certificate" in explanation(ran)


def test_a_port_that_does_not_speak_tls_is_explained(terminal: Terminal) -> None:
    with scripted(then_closing(answering(400))) as receiver:
        ran = send_test(terminal, receiver.url("https"), 'timeout = "1s"')

    assert ran.document["error"] in {"tls", "timeout"}
    explanation(ran)


def test_a_receiver_that_does_not_answer_is_explained(terminal: Terminal) -> None:
    with scripted(silent) as receiver:
        ran = send_test(terminal, receiver.url(), 'timeout = "300ms"')

    assert "answer first, and process afterwards" in explanation(ran)


def test_a_connection_closed_without_an_answer_is_explained(terminal: Terminal) -> None:
    with scripted(then_closing(writing(b""))) as receiver:
        ran = send_test(terminal, receiver.url())

    assert "closed the connection" in explanation(ran)


def test_what_is_not_http_is_explained(terminal: Terminal) -> None:
    with scripted(then_closing(writing(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"))) as receiver:
        ran = send_test(terminal, receiver.url())

    assert "not HTTP" in explanation(ran)


def test_an_address_that_is_not_allowed_is_explained_with_the_address(terminal: Terminal) -> None:
    with scripted(answering()) as receiver:
        ran = send_test(terminal, receiver.url(host="localhost"), 'allow_private = ["10.0.0.0/8"]')

    assert receiver.connections == 0
    assert "see allow_private and allow_ports (webhooks may not go to " in explanation(ran)
    assert f"port {receiver.port})" in explanation(ran)


def test_for_people_it_is_one_sentence_with_the_url(terminal: Terminal) -> None:
    with scripted(answering(204)) as receiver:
        configure(terminal.folder, receiver.url())
        ran = terminal.type("endpoints test ledger")

    assert ran.code == 0
    assert ran.out.startswith(f"ledger ({receiver.url()}): delivered, it answered 204 (")


def test_an_unknown_endpoint_is_met_with_the_nearest_one(terminal: Terminal) -> None:
    ran = terminal.type("endpoints test leger")

    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'ledger'?" in ran.err
