"""The receivers that docs/receiver.md shows are started as they stand there, and get signed webhooks."""

import base64
import http.client
import json
import os
import re
import shutil
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
from watcher.sandbox.server import free_port

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = json.dumps({"type": "invoice.paid", "timestamp": "2026-11-22T10:00:00Z", "data": {"invoice_id": "inv_ü"}})
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


def shown(language: str) -> str:
    (receiver,) = [block for block in blocks(ROOT / "docs" / "receiver.md", language) if "standardwebhooks" in block]
    return receiver


@contextmanager
def started(program: str, script: Path) -> Generator[Receiver]:
    port = free_port()
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    command = [program, script.name]
    with subprocess.Popen(command, cwd=script.parent, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 -- the page's own script
        try:
            assert process.stdout is not None
            assert READY.search(process.stdout.readline())
            yield Receiver(port, process)
        finally:
            process.kill()


@pytest.fixture(name="receiver", params=["python", "js"])
def fixture_receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    if request.param == "python":
        program, script = sys.executable, tmp_path / "receiver.py"
    else:
        program, script = request.getfixturevalue("node"), tmp_path / "receiver.mjs"
        shutil.copytree(Path(__file__).parent / "node_modules", tmp_path / "node_modules")
    script.write_text(shown(request.param), "utf-8")
    with started(program, script) as receiver:
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
    assert receiver.printed().splitlines().count("invoice.paid inv_ü") == 1
