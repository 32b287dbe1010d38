"""Sends messages to people through Apprise, and says which of its services are allowed."""

from watcher.notify.sender import TIMEOUT, NotificationSender, NotifyFault, NotifyTarget, Transport, in_thread

__all__ = ["TIMEOUT", "NotificationSender", "NotifyFault", "NotifyTarget", "Transport", "in_thread"]
