from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
import trustme

from tests.fakes.receiver import Receiver, Script, receiving
from watcher.clock import SystemClock
from watcher.ports import Attempt, Receipt
from watcher.webhook import Target, WebhookSender

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
SECRET = bytes(range(32))
BODY = '{"type":"invoice.paid","data":{"customer":"Zoë"}}'.encode()

ATTEMPT = Attempt("ledger", "evt_1", BODY)
LEDGER = Target("ledger", "", (SECRET,), timeout=timedelta(seconds=5), allow_private=LOOPBACK)


@asynccontextmanager
async def sending_to(script: Script, target: Target = LEDGER) -> AsyncGenerator[tuple[WebhookSender, Receiver]]:
    async with receiving(script) as receiver:
        targets = {"ledger": replace(target, url=target.url or receiver.url())}
        async with WebhookSender(targets, SystemClock()) as sender:
            yield sender, receiver


async def send_once(script: Script, target: Target = LEDGER) -> Receipt:
    async with sending_to(script, target) as (sender, _):
        return await sender.send(ATTEMPT)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()
