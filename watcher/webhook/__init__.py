"""POSTs events to subscribers: signed at the moment of sending, through the egress guard, with everything bounded."""

from watcher.webhook.response import Fault
from watcher.webhook.sender import Target, WebhookSender

__all__ = ["Fault", "Target", "WebhookSender"]
