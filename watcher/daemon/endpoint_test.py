"""Sends one signed `webhook.test` to an endpoint, and explains the result in a sentence with the likely cause."""

from dataclasses import replace
from datetime import timedelta

from watcher.clock import SystemClock
from watcher.config.endpoint_settings import EndpointSettings, Format, Payload
from watcher.config.notify_settings import NotifySettings
from watcher.config.settings import Configuration
from watcher.core import json_text
from watcher.core.instants import instant_text
from watcher.core.invoices.event import EventType, watcher_event_id
from watcher.core.webhooks.examples import example
from watcher.core.webhooks.form import Form
from watcher.daemon import wiring
from watcher.daemon.notify_test import send_test_message
from watcher.ports import Attempt, Outcome, Receipt, TestResult
from watcher.webhook import Fault, Target, WebhookSender

_FAULTS = {
    Fault.DNS: "its host name has no address: check the URL's spelling",
    Fault.CONNECT: "nothing accepts connections there: is the receiver running, and on that port?",
    Fault.TLS: "its TLS certificate was not accepted: expired, self-signed, made for another name, or no TLS at all",
    Fault.TIMEOUT: "it did not answer in time: answer first, and process afterwards",
    Fault.DISCONNECTED: "it closed the connection without an answer",
    Fault.BAD_ANSWER: "what it answered is not HTTP",
    Fault.REDIRECT: "it redirects, and redirects are never followed: configure the final URL",
    Fault.ADDRESS_REFUSED: "its address is private or its port is not 443: see allow_private and allow_ports",
    Fault.UNSENDABLE: "the request cannot be written: check its url and headers",
}
_SIGNATURE = "compare the secrets, verify the raw bytes, and check its clock"
_STATUSES = {
    400: f"400: often said when the signature does not verify; {_SIGNATURE}",
    401: f"401: it refuses the signature or asks for credentials; {_SIGNATURE}",
    403: "403: the signature, or something in front of it (a firewall, CSRF protection), refuses the request; "
    f"{_SIGNATURE}",
    404: "404: there is no such path; check the URL",
    405: "405: that path does not take POST; check the URL",
    408: "408: it waited too long for the request",
    410: "410: it says that it is gone for good; `run` would disable the endpoint",
    413: "413: the body is too long for it",
    415: "415: it does not take application/json",
    422: "422: it reads the body and refuses its content; accept every type, and fields that you do not know",
    429: "429: it asks to be called less often; see rate",
    502: "502: a proxy in front of it did not reach it",
    503: "503: it is not ready now",
    504: "504: a proxy in front of it waited too long; answer first, and process afterwards",
}
_SERVER_ERROR = 500
_EXCERPT_LENGTH = 200


async def send_test(
    configuration: Configuration, endpoint: EndpointSettings | NotifySettings, reason: str
) -> TestResult:
    """Send it now, even to a disabled endpoint. Nothing is recorded or retried."""
    now = instant_text(SystemClock().now())
    event_id = watcher_event_id(EventType.WEBHOOK_TEST, endpoint.name, now)
    data = {"event_id": event_id, "occurred_at": now, "endpoint": endpoint.name, "reason": reason, "since": now}
    body = json_text.write({"type": EventType.WEBHOOK_TEST.value, "timestamp": now, "data": data})
    if isinstance(endpoint, NotifySettings):
        return await send_test_message(endpoint, configuration.http.public_url, event_id, body)
    return await send_once(wiring.target(endpoint), event_id, body, _form(endpoint))


async def send_example(endpoint: EndpointSettings, event_type: EventType, event_id: str) -> TestResult:
    """Send one example of this type now, in the endpoint's form, and only to addresses inside its `allow_private`."""
    body = example(event_type, event_id, SystemClock().now(), is_thin=endpoint.payload is Payload.THIN)
    return await send_once(replace(wiring.target(endpoint), only_private=True), event_id, body, _form(endpoint))


async def send_once(target: Target, event_id: str, body: bytes, form: Form = Form.FULL) -> TestResult:
    async with WebhookSender({target.name: target}, SystemClock()) as sender:
        receipt = await sender.send(Attempt(target.name, event_id, body, form))
    return TestResult(
        endpoint=target.name,
        event_id=event_id,
        delivered=receipt.outcome is Outcome.DELIVERED,
        status=receipt.status,
        error=receipt.error,
        detail=receipt.detail,
        response=receipt.response,
        milliseconds=round(receipt.duration / timedelta(milliseconds=1)),
        explanation=explained(receipt),
    )


def _form(endpoint: EndpointSettings) -> Form:
    return Form.CLOUDEVENTS_FULL if endpoint.format is Format.CLOUDEVENTS else Form.FULL


def explained(receipt: Receipt) -> str:
    """The result in one sentence for people."""
    if receipt.outcome is Outcome.DELIVERED:
        return f"delivered, it answered {receipt.status}"
    if receipt.error is not None:
        detail = f" ({receipt.detail})" if receipt.detail else ""
        return f"not delivered: {fault_words(Fault(receipt.error))}{detail}"
    status = receipt.status or 0
    words = _STATUSES.get(status, f"{status}: it failed; check its own log" if status >= _SERVER_ERROR else status)
    excerpt = " ".join((receipt.response or "").split())[:_EXCERPT_LENGTH]
    return f"not delivered: it answered {words}{f'. It said: {excerpt}' if excerpt else ''}"


def audited_outcome(result: TestResult) -> str:
    """For the audit trail: without what the receiver said."""
    return "done" if result.delivered else f"failed: {result.error or result.status}"


def fault_words(fault: Fault) -> str:
    return _FAULTS.get(fault, fault.value)
