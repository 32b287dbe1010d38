"""The HTTP side of the service: API, login, and the documents that describe them."""

from watcher.web.access import Access
from watcher.web.application import Desk, application
from watcher.web.feed import Feed
from watcher.web.site import serving

__all__ = ["Access", "Desk", "Feed", "application", "serving"]
