"""Messages to people, and CloudEvents, from the installed daemon."""

import json

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from tests.acceptance.daemon import Site, until
from tests.fakes.receiver import Receiver, answering, receiving
from watcher.core.webhooks.cloud_events import CONTENT_TYPE
from watcher.sandbox import Bill

pytestmark = pytest.mark.timeout(120)


def billed(site: Site) -> Bill:
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    return site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)


def notified(site: Site, receiver: Receiver) -> None:
    url = site.secret("finance_url", f"json://127.0.0.1:{receiver.port}/secret-path")
    site.notify["finance"] = {
        "urls": [{"file": url}],
        "events": ["invoice.paid"],
        "allow_private": ["127.0.0.0/8"],
    }
    site.http["public_url"] = "https://watcher.example.com"


async def test_a_message_outlives_an_outage_and_a_crash_and_comes_once(site: Site) -> None:
    bill = billed(site)
    async with receiving(answering(503)) as down:
        notified(site, down)
        async with site.running() as daemon:
            await site.hears("inv_1", "tracked")
            site.sandbox.ledger.pay(bill)
            await until(lambda: down.requests, "it is tried")
            await until(lambda: daemon.has_logged("delivery.attempted", endpoint="finance"), "it has failed")
            await daemon.kill()
            assert not any("secret-path" in json.dumps(line) for line in daemon.logged)
    async with receiving(answering()) as receiver:
        notified(site, receiver)
        async with site.running() as daemon:
            await until(lambda: receiver.requests, "it is tried again", within=30)
            await site.hears("inv_1", "tracked", "paid")
            (row,) = await site.command("deliveries", "--endpoint", "finance", "--json")
            await until(
                lambda: daemon.has_logged("delivery.attempted", outcome="delivered", endpoint="finance"), "sent"
            )
        assert row["type"] == "invoice.paid"
    (message,) = (json.loads(request.body) for request in receiver.requests)
    assert message["title"].endswith(" was paid: 10.00 EUR")
    assert "https://watcher.example.com/invoices/meteroid/inv_1" in message["message"]


async def test_an_endpoint_gets_cloud_events_signed_like_every_webhook(site: Site) -> None:
    billed(site)
    site.endpoint(format="cloudevents")
    async with site.running():
        await until(lambda: site.receiver.deliveries, "the first event came")
    first = site.receiver.deliveries[0]
    event = from_http_event(HTTPMessage({"content-type": CONTENT_TYPE}, first.body))
    assert first.verified
    assert (event.get_id(), event.get_type()) == (first.id, "invoice.tracked")
    assert (event.get_source(), event.get_subject()) == ("/meteroid", "inv_1")
