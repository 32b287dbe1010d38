"""Which events an endpoint wants: globs over the known types; `!` excludes."""

from fnmatch import fnmatchcase

from watcher.config.toml.messages import meant
from watcher.core.invoices.event import EventType
from watcher.core.webhooks.subscription import matches


def check_event_glob(glob: str) -> str:
    """Check the glob itself. Raises ValueError, with a message for users, if no event has such a type."""
    pattern = glob.removeprefix("!")
    if not any(fnmatchcase(known, pattern) for known in EventType):
        raise ValueError(f"matches no event{meant(pattern, EventType)}, allowed: globs over {', '.join(EventType)}")
    return glob


def check_event_globs(globs: tuple[str, ...]) -> None:
    """Raises ValueError if the globs together select nothing."""
    if not globs or not any(matches(known, globs) for known in EventType):
        raise ValueError('selects no event at all, must select one or more, such as ["*", "!invoice.updated"]')
