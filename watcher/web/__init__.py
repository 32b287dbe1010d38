"""The HTTP side of the service: API, page, login, and the documents that describe them."""

from watcher.web.access import Access
from watcher.web.application import Desk, application
from watcher.web.feed import Feed
from watcher.web.site import serving
from watcher.web.standing import Standings

__all__ = ["Access", "Desk", "Feed", "Standings", "application", "serving"]
