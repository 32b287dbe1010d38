"""The HTTP side of the service: API, page, login, and the documents that describe them."""

from watcher.web.access import Access
from watcher.web.application import Backend, application
from watcher.web.dashboard_cache import DashboardCache
from watcher.web.event_feed import Feed
from watcher.web.hints import HintRoutes, hint_application
from watcher.web.listener import LAST_ANSWERS, serving

__all__ = [
    "LAST_ANSWERS",
    "Access",
    "Backend",
    "DashboardCache",
    "Feed",
    "HintRoutes",
    "application",
    "hint_application",
    "serving",
]
