"""Tells people what happened: messages through Apprise, and which of its services are allowed."""

from watcher.notify.sender import TIMEOUT, NotificationSender, NotifyFault, NotifyTarget

__all__ = ["TIMEOUT", "NotificationSender", "NotifyFault", "NotifyTarget"]
