"""The webhooks of the sandbox's providers, received on loopback and verified by the watcher's own schemes."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import svix
from aiohttp import web

from tests.fakes.clock import FakeClock
from tests.integration.sandbox.caller import MovableClock
from watcher.ports import HintRequest
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.hints import hint_schemes
from watcher.sandbox import DEMO_HINT_SECRETS, Bill, HintTarget, HintTraps, Ledger, Sandbox
from watcher.sandbox.keys import DEMO_KEYS
from watcher.sandbox.server import LOOPBACK, serve
from watcher.sandbox.traps import SELF_HOSTED_METEROID

IDS = {"meteroid": "inv_demo1", "rapyd": "invoice_" + "a" * 32, "chargeover": "4711"}
ACTS: list[tuple[Callable[[Ledger, Bill], None], str | None, str, str]] = [
    (lambda ledger, bill: ledger.pay(bill, 1), None, "PAYMENT_COMPLETED", "transaction.insert"),
    (lambda ledger, bill: ledger.pay(bill), "invoice.paid", "INVOICE_PAYMENT_SUCCEEDED", "transaction.insert"),
    (lambda ledger, bill: ledger.credit(bill, 1), None, "INVOICE_UPDATED", "invoice.update"),
    (
        lambda ledger, bill: ledger.credit(bill, 10_000),
        "invoice.paid",
        "INVOICE_PAYMENT_SUCCEEDED",
        "transaction.insert",
    ),
    (lambda ledger, bill: ledger.start_payment(bill), None, "INVOICE_PAYMENT_CREATED", "invoice.update"),
    (lambda ledger, bill: ledger.fail_payment(bill), "payment.failed", "INVOICE_PAYMENT_FAILED", "invoice.update"),
    (lambda ledger, bill: ledger.write_off(bill), None, "INVOICE_UPDATED", "invoice.update"),
    (lambda ledger, bill: ledger.change_due(bill, None), None, "INVOICE_UPDATED", "invoice.update"),
    (lambda ledger, bill: ledger.consolidate(bill), "invoice.consolidated", "INVOICE_UPDATED", "invoice.update"),
    (lambda ledger, bill: ledger.delete(bill), "invoice.deleted", "INVOICE_UPDATED", "invoice.delete"),
]
"""A change, and the webhook that each provider sends about it."""

each_provider = pytest.mark.parametrize("provider", IDS)


@dataclass
class Listener:
    """Keeps what arrives, and answers 202."""

    clock: FakeClock
    url: str = ""
    arrived: list[HintRequest] = field(default_factory=list[HintRequest])
    status: int = 202

    async def receive(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        url = f"{self.url}{request.path}"
        self.arrived.append(HintRequest(url, headers, await request.read(), self.clock.now()))
        return web.Response(status=self.status)

    def ids(self, provider: str) -> list[tuple[str, ...]]:
        """What the watcher polls for these requests: nothing if it is not genuine."""
        (scheme,) = hint_schemes(
            PROVIDERS[provider],
            secrets=[DEMO_HINT_SECRETS[provider]] if provider in DEMO_HINT_SECRETS else [],
            tokens=[],
            credentials=DEMO_KEYS[provider],
        )
        assert all(request.url.endswith(f"/hints/{provider}") for request in self.arrived)
        return [scheme.invoice_ids(request.body) if scheme.verify(request) else () for request in self.arrived]

    @property
    def documents(self) -> list[Any]:
        return [json.loads(request.body) for request in self.arrived]


@pytest.fixture
async def listener(clock: MovableClock) -> AsyncIterator[Listener]:
    listener = Listener(clock)
    async with AsyncExitStack() as opened:
        application = web.Application()
        application.router.add_post("/hints/{source}", listener.receive)
        listener.url = f"http://{LOOPBACK}:{await serve(application, opened)}"
        yield listener


@pytest.fixture
async def sending(sandbox: Sandbox, listener: Listener) -> Sandbox:
    for provider in IDS:
        target = HintTarget(f"{listener.url}/hints/{provider}", DEMO_HINT_SECRETS.get(provider, ""))
        sandbox.hints.targets[provider] = target
    return sandbox


async def sent(sandbox: Sandbox) -> list[str]:
    with anyio.fail_after(20):
        await sandbox.hints.all_sent()
    return [hint.type for hint in sandbox.hints.sent]


@each_provider
async def test_a_change_is_announced_to_the_watcher_in_the_provider_s_way(
    sending: Sandbox, listener: Listener, provider: str
) -> None:
    bill = sending.ledger.create(provider, IDS[provider], "EUR", 10_000, draft=True)
    sending.ledger.pay(bill)
    sending.ledger.void(bill)
    assert len(await sent(sending)) == 4
    assert listener.ids(provider) == [(bill.id,)] * 4
    assert [hint.status for hint in sending.hints.sent] == [202] * 4
    assert {hint.invoice_id for hint in sending.hints.sent} == {bill.id}


@each_provider
async def test_with_other_secrets_at_the_watcher_nothing_is_genuine(
    sending: Sandbox, listener: Listener, provider: str
) -> None:
    sending.ledger.create(provider, IDS[provider], "EUR", 10_000)
    await sent(sending)
    secrets = {"meteroid": ["whsec_" + "B" * 32], "chargeover": ["other"]}
    keys = dict.fromkeys(DEMO_KEYS[provider], "other")
    (scheme,) = hint_schemes(PROVIDERS[provider], secrets=secrets.get(provider, []), tokens=[], credentials=keys)
    (request,) = listener.arrived
    assert not scheme.verify(request)


async def test_svix_itself_takes_what_meteroid_sends(listener: Listener) -> None:
    target = HintTarget(f"{listener.url}/hints/meteroid", DEMO_HINT_SECRETS["meteroid"])
    async with Sandbox(hint_targets={"meteroid": target}) as sandbox:
        sandbox.ledger.create("meteroid", "inv_1", "EUR", 10_000)
        await sent(sandbox)
    (request,) = listener.arrived
    svix.Webhook(target.secret).verify(request.body, dict(request.headers))
    (document,) = listener.documents
    assert (document["type"], document["invoice_id"]) == ("invoice.created", "inv_1")
    assert target.secret not in repr(target)


@pytest.mark.parametrize(("act", "meteroid", "rapyd", "chargeover"), ACTS)
async def test_what_is_announced_and_what_is_not(
    sending: Sandbox,
    act: Callable[[Ledger, Bill], None],
    meteroid: str | None,
    rapyd: str,
    chargeover: str,
) -> None:
    for provider, invoice_id in IDS.items():
        act(sending.ledger, sending.ledger.create(provider, invoice_id, "EUR", 10_000))
    await sent(sending)
    for provider, created, word in (
        ("meteroid", "invoice.created", meteroid),
        ("rapyd", "INVOICE_CREATED", rapyd),
        ("chargeover", "invoice.insert", chargeover),
    ):
        types = [hint.type for hint in sending.hints.sent if hint.provider == provider]
        assert types == [created, *([word] if word else [])]


async def test_meteroid_s_open_source_server_sends_no_failed_payment(sending: Sandbox) -> None:
    sending.traps.meteroid = SELF_HOSTED_METEROID
    bill = sending.ledger.create("meteroid", "inv_1", "EUR", 10_000)
    sending.ledger.fail_payment(bill)
    sending.ledger.pay(bill)
    assert await sent(sending) == ["invoice.created", "invoice.paid"]


async def test_nothing_is_sent_without_a_target_or_by_providers_that_send_nothing(
    sandbox: Sandbox, listener: Listener
) -> None:
    for provider, invoice_id in {**IDS, "fragment": "f-1", "dollr": "1"}.items():
        sandbox.ledger.pay(sandbox.ledger.create(provider, invoice_id, "EUR", 10_000))
    sandbox.hints.targets["dollr"] = HintTarget(f"{listener.url}/hints/dollr")
    sandbox.ledger.pay(sandbox.ledger.bill("dollr", "1"), 0)
    assert await sent(sandbox) == []
    assert listener.arrived == []


@each_provider
async def test_never(sending: Sandbox, listener: Listener, provider: str) -> None:
    sending.traps.hints = HintTraps(never=True)
    sending.ledger.create(provider, IDS[provider], "EUR", 10_000)
    assert await sent(sending) == []
    sending.traps.hints = HintTraps()
    sending.ledger.delete(sending.ledger.bill(provider, IDS[provider]))
    assert len(await sent(sending)) == len(listener.arrived) == 1


@each_provider
async def test_twice(sending: Sandbox, listener: Listener, provider: str) -> None:
    sending.traps.hints = HintTraps(twice=True)
    sending.ledger.create(provider, IDS[provider], "EUR", 10_000)
    await sent(sending)
    first, second = listener.arrived
    assert first == second
    assert listener.ids(provider) == [(IDS[provider],)] * 2


@each_provider
async def test_forged(sending: Sandbox, listener: Listener, provider: str) -> None:
    sending.traps.hints = HintTraps(forged=True)
    sending.ledger.create(provider, IDS[provider], "EUR", 10_000)
    await sent(sending)
    assert listener.ids(provider) == [()]


@each_provider
async def test_late(sending: Sandbox, listener: Listener, clock: MovableClock, provider: str) -> None:
    began = clock.now()
    sending.traps.hints = HintTraps(delay=timedelta(hours=1))
    sending.ledger.create(provider, IDS[provider], "EUR", 10_000)
    await sent(sending)
    (request,) = listener.arrived
    assert request.now == began + timedelta(hours=1)
    assert listener.ids(provider) == [(IDS[provider],)], "it is signed when it is sent"


async def test_out_of_order(sending: Sandbox, listener: Listener) -> None:
    sending.traps.hints = HintTraps(out_of_order=True)
    bill = sending.ledger.create("rapyd", IDS["rapyd"], "EUR", 10_000)
    sending.ledger.start_payment(bill)
    sending.ledger.pay(bill)
    assert await sent(sending) == ["INVOICE_PAYMENT_CREATED", "INVOICE_CREATED", "INVOICE_PAYMENT_SUCCEEDED"]
    assert listener.ids("rapyd") == [(bill.id,)] * 3
    assert [document["data"]["status"] for document in listener.documents] == ["open", "open", "paid"]


async def test_whatever_the_listener_answers_the_sandbox_goes_on(sending: Sandbox, listener: Listener) -> None:
    sending.hints.targets["rapyd"] = HintTarget(f"http://{LOOPBACK}:1/hints/rapyd")
    listener.status = 500
    for provider, invoice_id in IDS.items():
        sending.ledger.create(provider, invoice_id, "EUR", 10_000)
    await sent(sending)
    assert {hint.provider: hint.status for hint in sending.hints.sent} == {
        "meteroid": 500,
        "rapyd": None,
        "chargeover": 500,
    }


async def test_what_is_still_waiting_is_dropped_at_the_end(listener: Listener) -> None:
    target = HintTarget(f"{listener.url}/hints/chargeover", "key")
    async with Sandbox(FakeClock(datetime.now(UTC)), hint_targets={"chargeover": target}) as sandbox:
        sandbox.traps.hints = HintTraps(delay=timedelta(days=1))
        sandbox.ledger.create("chargeover", "1", "EUR", 10_000)
        await anyio.lowlevel.checkpoint()
    assert listener.arrived == []
