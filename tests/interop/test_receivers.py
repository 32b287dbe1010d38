"""The receivers of the README and of docs/subscriber.md, started as they stand there, get signed webhooks."""

import base64
import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from tests.integration.repository import ROOT
from tests.integration.repository.documents import blocks
from tests.interop.bodies import forms
from tests.interop.test_typescript_types import compiled
from watcher.cli.receiver_types.model import bodies
from watcher.cli.receiver_types.python import python
from watcher.cli.receiver_types.typescript import typescript
from watcher.core.invoices.event import EventType
from watcher.core.invoices.event_schema import event_schema
from watcher.sandbox.server import free_port

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = forms(EventType.PAID)["whole"].decode().replace("inv_example", "inv_ü")
READY = re.compile(r"[Rr]unning on|[Ll]istening on")


@dataclass(frozen=True)
class Receiver:
    port: int
    process: "subprocess.Popen[str]"

    def post(self, event_id: str, body: str, signature: str, sent_at: int) -> int:
        headers = {"webhook-id": event_id, "webhook-timestamp": str(sent_at), "webhook-signature": signature}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/hooks/invoices", body.encode(), headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def printed(self) -> str:
        self.process.terminate()
        return self.process.communicate(timeout=20)[0]


def shown(document: str, language: str) -> str:
    (receiver,) = (block for block in blocks(ROOT / document, language) if "standardwebhooks" in block)
    return receiver


def written(folder: Path, language: str, node: str | None) -> Path:
    """The script to start, with everything that it needs."""
    if node is not None:
        (folder / "node_modules").symlink_to(Path(__file__).parent / "node_modules")
    match language:
        case "python":
            script = folder / "receiver.py"
            script.write_text(shown("docs/receiver.md", "python"), "utf-8")
        case "js":
            script = folder / "receiver.mjs"
            script.write_text(shown("docs/receiver.md", "js"), "utf-8")
        case "typed python":
            script = folder / "receiver.py"
            script.write_text(shown("docs/subscriber.md", "python"), "utf-8")
            (folder / "invoice_events.py").write_text(python(bodies(event_schema())), "utf-8")
        case _:
            (folder / "receiver.mts").write_text(shown("docs/subscriber.md", "ts"), "utf-8")
            (folder / "invoice-events.ts").write_text(typescript(bodies(event_schema())), "utf-8")
            script = folder / "receiver.mjs"
            assert compiled(str(node), folder, "--strict", "receiver.mts") == ""
    return script


@contextmanager
def started(program: str, script: Path) -> Generator[Receiver]:
    port = free_port()
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    command = [program, script.name]
    with subprocess.Popen(command, cwd=script.parent, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 -- the README's own script
        try:
            assert process.stdout is not None
            assert READY.search(process.stdout.readline())
            yield Receiver(port, process)
        finally:
            process.kill()


@pytest.fixture(name="receiver", params=["python", "js", "typed python", "ts"])
def fixture_receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    node = None if "python" in request.param else str(request.getfixturevalue("node"))
    with started(node or sys.executable, written(tmp_path, request.param, node)) as receiver:
        yield receiver


@pytest.mark.timeout(300)
def test_a_receiver_takes_what_is_signed_once_and_refuses_the_rest(receiver: Receiver) -> None:
    now = int(time.time())
    webhook = Webhook(SECRET)
    good = webhook.sign("evt_1", datetime.fromtimestamp(now, UTC), BODY)

    assert receiver.post("evt_1", BODY, good, now) == 204
    assert receiver.post("evt_1", BODY, good, now) == 204
    assert receiver.post("evt_1", BODY.replace("paid", "void"), good, now) == 400
    assert receiver.post("evt_2", BODY, good, now) == 400
    assert receiver.post("evt_1", BODY, "v1,nonsense", now) == 400
    assert receiver.post("evt_1", BODY, "nonsense", now) == 400
    assert receiver.post("evt_1", BODY, good, now - 3600) == 400
    assert len([line for line in receiver.printed().splitlines() if line.startswith("invoice.paid inv_ü")]) == 1
