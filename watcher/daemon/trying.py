"""Trying an endpoint by hand: one signed `webhook.test`, and what came of it in words that name the likely cause."""

from datetime import timedelta

from watcher.clock import SystemClock
from watcher.config.settings import Configuration, EndpointSettings
from watcher.core import json_text
from watcher.core.event import EventType, watcher_event_id
from watcher.core.instants import instant_text
from watcher.daemon import wiring
from watcher.ports import Attempt, Outcome, Receipt, TestResult
from watcher.webhook import Fault, WebhookSender

_FAULTS = {
    Fault.DNS: "its host name has no address: check the URL's spelling",
    Fault.CONNECT: "nothing accepts connections there: is the receiver running, and on that port?",
    Fault.TLS: "its TLS certificate was not accepted: expired, self-signed, or made for another name",
    Fault.TIMEOUT: "it did not answer in time: answer first, and work afterwards",
    Fault.DISCONNECTED: "it closed the connection without an answer",
    Fault.BAD_ANSWER: "what it answered is not HTTP",
    Fault.REDIRECT: "it redirects, and redirects are never followed: configure the final URL",
    Fault.ADDRESS_REFUSED: "its address is private or its port is not 443: see allow_private and allow_ports",
    Fault.UNSENDABLE: "the request cannot be written: look at its url and headers",
}
_STATUSES = {
    400: "400: often said when the signature does not verify; compare the secrets, and verify the raw bytes",
    401: "401: it refuses the signature or asks for credentials; compare the secrets",
    403: "403: something in front of it (a firewall, CSRF protection) refuses the request",
    404: "404: there is no such path; check the URL",
    405: "405: that path does not take POST; check the URL",
    410: "410: it says that it is gone for good; `run` would disable the endpoint",
    413: "413: it finds the body too long",
    415: "415: it does not take application/json",
    429: "429: it asks to be called less often; see rate",
}


async def send_test(configuration: Configuration, endpoint: EndpointSettings, reason: str) -> TestResult:
    """Send it now, to a switched-off endpoint too. Nothing is recorded or retried."""
    receipt = await _receipt(configuration, endpoint, reason)
    return TestResult(
        endpoint=endpoint.name,
        delivered=receipt.outcome is Outcome.DELIVERED,
        status=receipt.status,
        error=receipt.error,
        milliseconds=round(receipt.duration / timedelta(milliseconds=1)),
        explanation=explained(receipt),
    )


def explained(receipt: Receipt) -> str:
    """What came back, in words that name the likely cause."""
    if receipt.outcome is Outcome.DELIVERED:
        return f"delivered, it answered {receipt.status}"
    if receipt.error is not None:
        return f"not delivered: {_FAULTS.get(Fault(receipt.error), receipt.error)}"
    return f"not delivered: it answered {_STATUSES.get(receipt.status or 0, receipt.status)}"


async def _receipt(configuration: Configuration, endpoint: EndpointSettings, reason: str) -> Receipt:
    clock = SystemClock()
    tested = {endpoint.name: endpoint.model_copy(update={"enabled": True})}
    targets = wiring.targets(configuration.model_copy(update={"endpoints": tested}))
    now = instant_text(clock.now())
    event_id = watcher_event_id(EventType.WEBHOOK_TEST, endpoint.name, now)
    data = {"event_id": event_id, "occurred_at": now, "endpoint": endpoint.name, "reason": reason, "since": now}
    body = json_text.write({"type": EventType.WEBHOOK_TEST.value, "timestamp": now, "data": data})
    async with WebhookSender(targets, clock) as sender:
        return await sender.send(Attempt(endpoint.name, event_id, body))
