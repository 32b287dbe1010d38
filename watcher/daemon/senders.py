"""Sends each delivery as its endpoint wants it: a webhook, or a message to people."""

from collections.abc import Mapping
from dataclasses import dataclass

from watcher.daemon.runtime import WebhookSending
from watcher.notify import NotificationSender, NotifyTarget
from watcher.ports import Attempt, Receipt
from watcher.webhook import Target


@dataclass(frozen=True, slots=True)
class Senders:
    """A `Sender` of both kinds; endpoints and notifications share one list of names."""

    webhooks: WebhookSending
    notifications: NotificationSender

    async def send(self, attempt: Attempt) -> Receipt:
        if attempt.endpoint in self.notifications.names:
            return await self.notifications.send(attempt)
        return await self.webhooks.send(attempt)

    async def reconfigure(self, targets: Mapping[str, Target], notify_targets: Mapping[str, NotifyTarget]) -> None:
        self.notifications.reconfigure(notify_targets)
        await self.webhooks.reconfigure(targets)
