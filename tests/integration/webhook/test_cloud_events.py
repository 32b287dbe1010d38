"""A CloudEvent over the wire: read by the official SDK, verified by both public libraries."""

from dataclasses import replace
from datetime import UTC, datetime

import svix.webhooks
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks.webhooks import Webhook

from tests.fakes.receiver import answering
from tests.integration.webhook.conftest import SECRET, sending_to
from watcher.core.invoices.event import EventType
from watcher.core.webhooks.examples import example
from watcher.core.webhooks.form import Form
from watcher.core.webhooks.signature import new_secret
from watcher.ports import Attempt, Outcome

BODY = example(EventType.PAID, "evt_test_1", datetime(2026, 11, 22, 10, tzinfo=UTC))
ATTEMPT = Attempt("ledger", "evt_test_1", BODY, Form.CLOUDEVENTS_FULL)


async def test_it_is_signed_like_every_webhook_and_a_repeat_has_the_same_bytes() -> None:
    async with sending_to(answering()) as (sender, receiver):
        assert (await sender.send(ATTEMPT)).outcome is Outcome.DELIVERED
        await sender.send(ATTEMPT)
        await sender.send(replace(ATTEMPT, form=Form.FULL))
    first, second, plain = receiver.requests
    assert first.headers["content-type"] == "application/cloudevents+json"
    assert first.headers["webhook-id"] == "evt_test_1"
    assert first.body == second.body
    Webhook(new_secret(SECRET)).verify(first.body, first.headers)
    svix.webhooks.Webhook(new_secret(SECRET)).verify(first.body, first.headers)
    event = from_http_event(HTTPMessage(first.headers, first.body))
    assert (event.get_id(), event.get_type(), event.get_subject()) == ("evt_test_1", "invoice.paid", "inv_example")
    assert (plain.headers["content-type"], plain.body) == ("application/json", BODY)
