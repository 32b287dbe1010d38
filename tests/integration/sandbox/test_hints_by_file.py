"""The webhooks of Stripe, Lago and Chargebee, checked as their documentation and Stripe's own SDK check them."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
import stripe
from aiohttp import web

from watcher.sandbox import DEMO_HINT_SECRETS, Bill, HintTarget, HintTraps, Ledger, Sandbox
from watcher.sandbox.server import LOOPBACK, serve

IDS = {"stripe": "in_1", "lago": "1a901a90-1a90-4a90-8a90-1a901a901a90", "chargebee": "INV-1"}
ACTS: list[tuple[Callable[[Ledger, Bill], None], str | None, str | None, str]] = [
    (lambda ledger, bill: ledger.pay(bill, 1), "invoice_payment.paid", None, "payment_succeeded"),
    (Ledger.pay, "invoice.paid", "invoice.payment_status_updated", "payment_succeeded"),
    (Ledger.start_payment, "invoice.updated", None, "payment_initiated"),
    (Ledger.fail_payment, "invoice.payment_failed", "invoice.payment_failure", "payment_failed"),
    (lambda ledger, bill: ledger.credit(bill, 1), "credit_note.created", "credit_note.created", "invoice_updated"),
    (Ledger.void, "invoice.voided", "invoice.voided", "invoice_updated"),
    (Ledger.write_off, "invoice.marked_uncollectible", None, "invoice_updated"),
    (Ledger.delete, "invoice.deleted", "invoice.deleted", "invoice_deleted"),
]
"""A change, and the webhook that Stripe, Lago and Chargebee send about it."""


@dataclass
class Listener:
    """Answers 202. `slow` keeps each request for a moment and notes how many there are at once."""

    url: str = ""
    slow: bool = False
    arrived: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list[tuple[str, dict[str, str], bytes]])
    now: int = 0
    most: int = 0

    async def receive(self, request: web.Request) -> web.Response:
        self.now += 1
        self.most = max(self.most, self.now)
        self.arrived.append((request.match_info["source"], dict(request.headers), await request.read()))
        if self.slow:
            await anyio.sleep(0.05)
        self.now -= 1
        return web.Response(status=202)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    async with AsyncExitStack() as opened:
        application = web.Application()
        application.router.add_post("/hints/{source}", listener.receive)
        listener.url = f"http://{LOOPBACK}:{await serve(application, opened)}"
        yield listener


@pytest.fixture
async def sending(listener: Listener) -> AsyncIterator[Sandbox]:
    """By the real time, which the SDK goes by."""
    targets = {name: HintTarget(f"{listener.url}/hints/{name}", DEMO_HINT_SECRETS[name]) for name in IDS}
    async with Sandbox(hint_targets=targets) as sandbox:
        yield sandbox


def named(source: str, body: bytes) -> object:
    """The invoice that a webhook is about, where its documentation has it."""
    document: dict[str, Any] = json.loads(body)
    match source:
        case "stripe":
            about = document["data"]["object"]
            return about["id"] if about["object"] == "invoice" else about["invoice"]
        case "lago":
            about = document[document["object_type"]]
            return about["lago_id"] if document["object_type"] == "invoice" else about["lago_invoice_id"]
        case _:
            return document["content"]["invoice"]["id"]


def is_genuine(source: str, headers: dict[str, str], body: bytes) -> bool:
    secret = DEMO_HINT_SECRETS[source]
    match source:
        case "stripe":
            try:
                event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)
            except stripe.SignatureVerificationError:
                return False
            return event.object == "event"
        case "lago":
            mac = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
            return (headers["X-Lago-Signature"], headers["X-Lago-Signature-Algorithm"]) == (mac, "hmac")
        case _:
            return headers["Authorization"] == "Basic " + base64.b64encode(secret.encode()).decode()


@pytest.mark.parametrize(("act", "words"), [(act, words) for act, *words in ACTS])
async def test_a_change_is_announced_in_the_vendors_words_and_names_the_invoice(
    sending: Sandbox,
    listener: Listener,
    act: Callable[[Ledger, Bill], None],
    words: list[str | None],
) -> None:
    for name, invoice_id in IDS.items():
        act(sending.ledger, sending.ledger.create(name, invoice_id, "EUR", 10_000))
    await sending.hints.all_sent()
    created = ("invoice.created", "invoice.one_off_created", "invoice_generated")
    for name, first, word in zip(IDS, created, words, strict=True):
        assert [hint.type for hint in sending.hints.sent if hint.provider == name] == [
            first,
            *([word] if word else []),
        ]
    assert {(source, named(source, body)) for source, _, body in listener.arrived} == set(IDS.items())
    assert all(is_genuine(*request) for request in listener.arrived)


async def test_a_lost_dispute_is_announced_where_it_names_the_invoice(sending: Sandbox) -> None:
    for name, invoice_id in IDS.items():
        bill = sending.ledger.create(name, invoice_id, "EUR", 10_000)
        sending.ledger.pay(bill)
        sending.ledger.chargeback(bill, 10_000)
    await sending.hints.all_sent()
    last = {hint.provider: hint.type for hint in sending.hints.sent}
    assert last == {
        "stripe": "invoice.paid",
        "lago": "invoice.payment_dispute_lost",
        "chargebee": "invoice_updated",
    }


async def test_forged(sending: Sandbox, listener: Listener) -> None:
    sending.traps.hints = HintTraps(forged=True)
    for name, invoice_id in IDS.items():
        sending.ledger.create(name, invoice_id, "EUR", 10_000)
    await sending.hints.all_sent()
    assert [is_genuine(*request) for request in listener.arrived] == [False] * 3


async def test_webhooks_are_sent_at_the_same_time_and_in_order_for_each_invoice(
    sending: Sandbox, listener: Listener
) -> None:
    listener.slow = True
    bills = [sending.ledger.create("stripe", f"in_{number}", "EUR", 10_000, draft=True) for number in range(30)]
    for bill in bills:
        sending.ledger.finalize(bill)
        sending.ledger.fail_payment(bill)
    await sending.hints.all_sent()
    assert 1 < listener.most <= 8
    for bill in bills:
        mine = [json.loads(body)["type"] for _, _, body in listener.arrived if named("stripe", body) == bill.id]
        assert mine == ["invoice.created", "invoice.finalized", "invoice.payment_failed"]
