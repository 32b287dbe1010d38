"""Notifications on the command line: what is tried, and what is shown of their URLs."""

import json

import anyio

from tests.fakes.receiver import answering, receiving
from tests.integration.cli.elsewhere import elsewhere
from tests.integration.cli.terminal import Terminal
from watcher.store import SqlOutbox, open_store

NOTIFY = '\n[notify.finance]\nurls = [{ file = "finance-url" }]\nallow_private = ["127.0.0.0/8"]\n'


def configure(terminal: Terminal, url: str) -> None:
    config = terminal.folder / "config"
    (config / "watcher.toml").write_text((config / "watcher.toml").read_text() + NOTIFY)
    (config / "finance-url").write_text(url)


def test_a_test_message_arrives_and_the_result_shows_nothing_of_the_url(terminal: Terminal) -> None:
    with elsewhere(lambda: receiving(answering())) as receiver:
        configure(terminal, f"json://127.0.0.1:{receiver.port}/secret-path")
        ran = terminal.type("endpoints test finance")
    assert (ran.code, ran.out.startswith("finance (json): sent, look for it where it should arrive")) == (0, True)
    assert json.loads(receiver.requests[0].body)["title"] == "This is a test of finance"
    assert "secret" not in ran.out + ran.err


def test_a_test_that_fails_says_what_the_service_said(terminal: Terminal) -> None:
    with elsewhere(lambda: receiving(answering(403))) as receiver:
        configure(terminal, f"json://127.0.0.1:{receiver.port}/secret-path")
        ran = terminal.type("endpoints test finance --json")
    assert (ran.code, ran.document["delivered"], ran.document["error"]) == (1, False, "not_sent")
    assert "403" in str(ran.document["explanation"])
    assert "secret" not in ran.out + ran.err


def test_webhook_commands_refuse_a_notification_in_words(terminal: Terminal) -> None:
    configure(terminal, "json://127.0.0.1:9/x")
    ran = terminal.type("trigger invoice.paid --endpoint finance")
    assert (ran.code, "'finance' is a notification: it gets messages" in ran.err) == (1, True)


def test_check_counts_notifications(terminal: Terminal) -> None:
    configure(terminal, "json://127.0.0.1:9/x")
    assert "1 endpoint, 1 notification, 1 watched invoice" in terminal.type("check").out
    assert terminal.type("check --json").document["notify"] == ["finance"]


def test_a_notification_is_listed_disabled_and_enabled_as_an_endpoint(terminal: Terminal) -> None:
    configure(terminal, "json://127.0.0.1:9/secret-path")

    async def run_once() -> None:
        url = f"sqlite:///{terminal.folder}/config/watcher.db"
        async with open_store(url, create=True) as store:
            from watcher.clock import SystemClock  # noqa: PLC0415

            await SqlOutbox(store).sync_endpoints({"finance": "json"}, SystemClock().now())

    anyio.run(run_once)
    row = {"name": "finance", "url": "json", "state": "active", "waiting": 0}
    assert [json.loads(line) for line in terminal.type("endpoints list --json").out.splitlines()] == [row]
    assert terminal.type("endpoints disable finance").code == 0
    assert "disabled" in terminal.type("endpoints list").out
    assert terminal.type("endpoints enable finance").out.startswith("finance is enabled")
