"""`listen` as a process on loopback, fed by `trigger` and by strangers."""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.fakes.receiver import answering, receiving
from tests.integration.cli.conftest import SECRET
from tests.integration.cli.elsewhere import configure, elsewhere
from tests.integration.cli.terminal import Terminal

REF = "file:config/webhook-secret"


@dataclass
class Listening:
    process: subprocess.Popen[str]
    introduction: str

    @property
    def url(self) -> str:
        return str(self.endpoint["url"])

    @property
    def endpoint(self) -> dict[str, Any]:
        """The block that it prints, as the configuration would read it."""
        [(_, table)] = tomllib.loads(self.introduction)["endpoints"].items()
        return table

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def interrupt(self) -> str:
        """Ctrl-C; what it printed since."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        assert (self.process.returncode, err) == (0, "")
        return out


@contextmanager
def listening(terminal: Terminal, *arguments: str) -> Generator[Listening]:
    process = subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-W", "error", "-m", "watcher", "listen", "--port", "0", *arguments],
        cwd=terminal.folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            introduction = ""
            while "Ctrl-C ends it" not in introduction:
                line = process.stderr.readline()
                assert line, introduction
                introduction += line
            yield Listening(process, introduction)
        finally:
            process.kill()


def test_what_verifies_is_one_line_with_the_body_as_it_came_until_ctrl_c(terminal: Terminal) -> None:
    with listening(terminal, "--secret", REF, "--json") as listener:
        configure(terminal.folder, listener.url)
        sent = terminal.type("trigger invoice.paid --endpoint ledger --json")
        line = listener.line()
        rest = listener.interrupt()

    assert (sent.code, sent.document["status"], rest) == (0, 204, "")
    assert (line["verified"], line["refused"], line["answered"], line["forwarded"]) == (True, None, 204, False)
    assert line["webhook_id"] == line["body"]["data"]["event_id"] == sent.document["event_id"]
    assert line["body"]["type"] == "invoice.paid"


def test_what_does_not_verify_is_refused_with_the_reason_on_both_sides_and_not_shown(terminal: Terminal) -> None:
    with listening(terminal, "--json") as listener:
        configure(terminal.folder, listener.url)
        sent = terminal.type("trigger invoice.paid --endpoint ledger")
        line = listener.line()
        stranger = urllib.request.Request(listener.url, b"{}", {"webhook-id": "evt_\x9b2J"})  # noqa: S310 -- loopback
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(stranger)  # noqa: S310 -- loopback
        refused.value.close()
        strange = listener.line()
        listener.interrupt()

    assert sent.code == 1
    assert "It said: no signature is by the secret" in sent.out
    assert (line["verified"], line["answered"], line["body"]) == (False, 401, None)
    assert "no signature is by the secret" in line["refused"]
    assert strange["refused"].startswith("it lacks webhook-timestamp and webhook-signature")
    assert "\x9b" not in strange["webhook_id"]


def test_the_printed_block_and_the_made_secret_work_as_they_stand(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(terminal, "--json") as listener:
        name, value = re.findall(r"export (\w+)=(\S+)", listener.introduction)[0]
        (terminal.folder / "config" / "watcher.toml").write_text(listener.introduction)
        monkeypatch.setenv(name, value)
        assert terminal.type("trigger source.failing --endpoint listen").code == 0
        assert listener.line()["body"]["type"] == "source.failing"
        listener.interrupt()


def test_the_secrets_of_an_endpoint_are_believed_and_its_block_is_printed(terminal: Terminal) -> None:
    with listening(terminal, "--endpoint", "ledger", "--json") as listener:
        configure(terminal.folder, listener.url)
        assert terminal.type("endpoints test ledger").code == 0
        assert listener.line()["verified"] is True
        listener.interrupt()

    assert "[endpoints.ledger]" in listener.introduction
    assert listener.endpoint["secrets"] == [{"file": "webhook-secret"}]
    assert SECRET not in listener.introduction


def test_what_verifies_is_forwarded_byte_by_byte_and_the_answer_goes_back(terminal: Terminal) -> None:
    busy = answering(503, b"come back later", ("Retry-After: 7", "Content-Type: text/plain"))
    with (
        elsewhere(lambda: receiving(busy)) as receiver,
        listening(terminal, "--secret", REF, "--forward", receiver.url(), "--json") as listener,
    ):
        configure(terminal.folder, listener.url, 'headers = { authorization = "Bearer abc" }')
        sent = terminal.type("trigger invoice.voided --endpoint ledger --json")
        line = listener.line()
        listener.interrupt()

    [request] = receiver.requests
    assert (sent.code, sent.document["status"], sent.document["response"]) == (1, 503, "come back later")
    assert request.line == "POST /hooks?a=b HTTP/1.1"
    assert json.loads(request.body) == line["body"]
    Webhook(SECRET).verify(request.body, request.headers)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer abc"
    assert request.headers["user-agent"].startswith("invoice-watcher/")
    assert (line["forwarded"], line["answered"], line["error"]) == (True, 503, None)


def test_what_does_not_verify_is_not_forwarded(terminal: Terminal) -> None:
    with (
        elsewhere(lambda: receiving(answering())) as receiver,
        listening(terminal, "--forward", receiver.url(), "--json") as listener,
    ):
        configure(terminal.folder, listener.url)
        terminal.type("trigger invoice.paid --endpoint ledger")
        assert listener.line()["verified"] is False
        listener.interrupt()

    assert receiver.connections == 0


def test_a_receiver_that_is_not_there_is_reported_on_both_sides(terminal: Terminal) -> None:
    with listening(terminal, "--secret", REF, "--forward", "http://127.0.0.1:9/", "--json") as listener:
        configure(terminal.folder, listener.url)
        sent = terminal.type("trigger invoice.paid --endpoint ledger --json")
        line = listener.line()
        listener.interrupt()

    assert (sent.code, sent.document["status"]) == (1, 502)
    assert "nothing accepts connections there" in str(sent.document["response"])
    assert (line["forwarded"], line["answered"]) == (False, 502)
    assert "Connection refused" in line["error"]


def test_a_repeat_is_distinguished(terminal: Terminal) -> None:
    with (
        elsewhere(lambda: receiving(answering())) as tap,
        listening(terminal, "--secret", REF, "--json") as listener,
    ):
        configure(terminal.folder, tap.url())
        terminal.type("trigger invoice.paid --endpoint ledger")
        [request] = tap.requests
        for _ in range(2):
            again = urllib.request.Request(listener.url, request.body, request.headers)  # noqa: S310 -- loopback
            urllib.request.urlopen(again)  # noqa: S310 -- loopback
        assert [listener.line()["repeated"] for _ in range(2)] == [False, True]
        listener.interrupt()


def test_for_people_it_is_a_heading_and_the_body_without_colour_in_a_pipe(terminal: Terminal) -> None:
    with listening(terminal, "--secret", REF) as listener:
        configure(terminal.folder, listener.url)
        terminal.type("trigger invoice.paid --endpoint ledger")
        configure(terminal.folder, listener.url, 'secrets = [{ file = "api-key" }]')
        (terminal.folder / "config" / "api-key").write_text("whsec_" + "A" * 40)
        terminal.type("trigger invoice.overdue --endpoint ledger")
        out = listener.interrupt()

    heading, *body, refused = out.splitlines()
    assert re.search(r"evt_test_\w+  invoice\.paid example inv_example  verified, answered 204$", heading)
    assert json.loads("\n".join(body))["type"] == "invoice.paid"
    assert "refused: no signature is by the secret" in refused
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"--secret {SECRET}", "never the secret itself"),
        ("--secret env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
        ("--secret file:nowhere", "nowhere cannot be read"),
        ("--secret file:config/api-key", "starts with whsec_"),
        (f"--secret {REF} --endpoint ledger", "not both"),
        ("--forward http://8.8.8.8/", "leads outside"),
        ("--forward https://93.184.216.34:8443/", "leads outside"),
        ("--forward http://169.254.169.254/", "leads outside"),
        ("--forward ftp://127.0.0.1/", "is not a URL"),
        ("--port 70000", "65535"),
    ],
)
def test_wrong_usage_is_reported_and_no_secret_is_shown(line: str, words: str, terminal: Terminal) -> None:
    ran = terminal.type(f"listen {line}")

    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert SECRET not in ran.err


def test_an_unknown_endpoint_is_met_with_the_nearest_one(terminal: Terminal) -> None:
    ran = terminal.type("listen --endpoint leger")

    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'ledger'?" in ran.err
