"""Which events an endpoint wants, and in which form."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from watcher.core.invoices.body import FULL_LIMIT
from watcher.core.webhooks.form import Form


@dataclass(frozen=True, slots=True)
class Subscription:
    """One endpoint's filters. `events` are globs, those with a leading `!` exclude; no `tags` means any tags.

    `whole`: it gets full bodies of any size, as messages are made of them.
    """

    endpoint: str
    events: tuple[str, ...] = ("*",)
    sources: tuple[str, ...] = ("*",)
    tags: tuple[str, ...] = ()
    thin: bool = False
    cloud_events: bool = False
    whole: bool = False
    announce_tracked: bool = False

    def wants(self, event_type: str, *, quiet: bool = False, source: str | None = None, tags: tuple[str, ...]) -> bool:
        """Whether an event goes to this endpoint.

        `quiet` events need `announce_tracked`. `source` is None for events about endpoints. Tag filters do not apply
        to events about the watcher itself (`source.*`, `endpoint.*`).
        """
        if quiet and not self.announce_tracked:
            return False
        if source is not None and not any(fnmatchcase(source, glob) for glob in self.sources):
            return False
        if self.tags and event_type.startswith("invoice.") and not set(self.tags) & set(tags):
            return False
        return matches(event_type, self.events)

    def form(self, size: int) -> Form:
        """The form of an event whose full body has this many bytes."""
        if self.whole:
            return Form.FULL
        form = Form.THIN if self.thin else Form.TRUNCATED if size > FULL_LIMIT else Form.FULL
        return form.as_cloud_event if self.cloud_events else form

    @property
    def watcher_form(self) -> Form:
        """The form of events about sources and endpoints: they have nothing to leave out."""
        return Form.FULL.as_cloud_event if self.cloud_events else Form.FULL


def matches(event_type: str, globs: tuple[str, ...]) -> bool:
    """Included by some glob and excluded by none; with exclusions alone, everything else is included."""
    excluded = [glob[1:] for glob in globs if glob.startswith("!")]
    included = [glob for glob in globs if not glob.startswith("!")] or ["*"]
    return any(fnmatchcase(event_type, glob) for glob in included) and not any(
        fnmatchcase(event_type, glob) for glob in excluded
    )
