"""The page for operators: rendered on the server, complete without its script, nothing loaded from elsewhere."""

from watcher.web.page.routes import add_routes

__all__ = ["add_routes"]
