"""Sends one test message to people, and explains the result in a sentence."""

from datetime import timedelta

from watcher.clock import SystemClock
from watcher.config.notify_settings import NotifySettings
from watcher.daemon.notify_wiring import notify_target
from watcher.notify import NotificationSender, NotifyFault
from watcher.ports import Attempt, Outcome, Receipt, TestResult

_FAULTS = {
    NotifyFault.NOT_SENT: "the service did not take it: check the URL, its credentials and the recipient",
    NotifyFault.TIMEOUT: "the service did not answer in time",
    NotifyFault.ADDRESS_REFUSED: "its address is private, or public and reached without encryption: see allow_private",
}


async def send_test_message(notify: NotifySettings, public_url: str | None, event_id: str, body: bytes) -> TestResult:
    sender = NotificationSender(SystemClock())
    sender.reconfigure({notify.name: notify_target(notify, public_url)})
    receipt = await sender.send(Attempt(notify.name, event_id, body))
    return TestResult(
        endpoint=notify.name,
        event_id=event_id,
        delivered=receipt.outcome is Outcome.DELIVERED,
        status=None,
        error=receipt.error,
        detail=receipt.detail,
        response=None,
        milliseconds=round(receipt.duration / timedelta(milliseconds=1)),
        explanation=_explained(receipt),
    )


def _explained(receipt: Receipt) -> str:
    if receipt.outcome is Outcome.DELIVERED:
        return "sent, look for it where it should arrive"
    words = _FAULTS.get(NotifyFault(receipt.error or ""), receipt.error)
    return f"not sent: {words}{f' ({receipt.detail})' if receipt.detail else ''}"
