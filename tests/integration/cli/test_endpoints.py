"""`endpoints test` against a real receiver that verifies."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self, cast

import anyio
import pytest
from jsonschema import Draft202012Validator

from tests.integration.cli.conftest import SECRET
from tests.integration.cli.terminal import Ran, Terminal
from watcher.core.schema import event_schema
from watcher.daemon.trying import explained
from watcher.ports import Outcome, Receipt
from watcher.sandbox import Delivery, Receiver


@dataclass
class Subscriber:
    """A receiver in a loop of its own, as the command runs its own."""

    secret: str = SECRET
    answer: int | None = None
    url: str = ""
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    _ready: threading.Event = field(default_factory=threading.Event)
    _done: threading.Event = field(default_factory=threading.Event)

    def serve(self) -> None:
        anyio.run(self._serve)

    async def _serve(self) -> None:
        async with Receiver((self.secret,)) as receiver:
            if self.answer is not None:
                receiver.answer_next(self.answer)
            self.url, self.deliveries = receiver.url("/hooks"), receiver.deliveries
            self._ready.set()
            await anyio.to_thread.run_sync(self._done.wait)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(10)


def test_endpoint(terminal: Terminal, subscriber: Subscriber) -> Ran:
    config = terminal.folder / "config" / "watcher.toml"
    config.write_text(config.read_text().replace("http://127.0.0.1:9/hooks", subscriber.url))
    return terminal.type("endpoints test ledger --json")


test_endpoint.__test__ = False  # pyright: ignore[reportFunctionMemberAccess] -- pytest reads it


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    with Subscriber() as serving:
        yield serving


def test_a_signed_test_event_arrives_and_matches_the_published_schema(
    terminal: Terminal, subscriber: Subscriber
) -> None:
    ran = test_endpoint(terminal, subscriber)

    [delivery] = subscriber.deliveries
    body = json.loads(delivery.body)
    assert (ran.code, ran.document["delivered"], ran.document["status"]) == (0, True, 204)
    assert (delivery.verified, delivery.type, delivery.id) == (True, "webhook.test", body["data"]["event_id"])
    assert list(cast("Any", Draft202012Validator(cast("Any", event_schema()))).iter_errors(body)) == []


def test_nothing_is_recorded_by_a_test(terminal: Terminal, subscriber: Subscriber) -> None:
    test_endpoint(terminal, subscriber)

    assert list(terminal.folder.rglob("*.db")) == []


def test_a_wrong_secret_is_explained(terminal: Terminal) -> None:
    with Subscriber(secret="whsec_" + "A" * 40) as subscriber:
        ran = test_endpoint(terminal, subscriber)

    assert (ran.code, ran.document["status"]) == (1, 401)
    assert "compare the secrets" in str(ran.document["explanation"])


def test_a_redirect_is_explained(terminal: Terminal) -> None:
    with Subscriber(answer=302) as subscriber:
        ran = test_endpoint(terminal, subscriber)

    assert ran.code == 1
    assert "final URL" in str(ran.document["explanation"])


def test_nobody_listening_is_explained(terminal: Terminal) -> None:
    ran = terminal.type("endpoints test ledger")

    assert ran.code == 1
    assert "is the receiver running" in ran.out


def test_an_unknown_endpoint_is_met_with_the_nearest_one(terminal: Terminal) -> None:
    ran = terminal.type("endpoints test leger")

    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'ledger'?" in ran.err


@pytest.mark.parametrize("status", [400, 404, 410, 418, 500])
def test_every_answer_is_named_with_its_status(status: int) -> None:
    moment = cast("Any", None)
    receipt = Receipt(Outcome.RETRY, started_at=moment, duration=moment, status=status)

    assert f"it answered {status}" in explained(receipt)
