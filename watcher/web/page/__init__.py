"""The page for the person who runs this: made on the server, whole without its script, nothing from elsewhere."""

from watcher.web.page.routes import add_routes

__all__ = ["add_routes"]
