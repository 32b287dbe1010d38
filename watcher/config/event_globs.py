"""Which events an endpoint asks for: globs over the known types, `!` excludes."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from watcher.config.wording import meant

EVENT_TYPES = (
    "invoice.tracked",
    "invoice.restored",
    "invoice.finalized",
    "invoice.due_date_changed",
    "invoice.amount_changed",
    "invoice.credited",
    "invoice.payment_failed",
    "invoice.payment_pending",
    "invoice.partially_paid",
    "invoice.refunded",
    "invoice.payment_reversed",
    "invoice.reopened",
    "invoice.paid",
    "invoice.overpaid",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "invoice.deleted",
    "invoice.updated",
    "invoice.overdue_cleared",
    "invoice.due_soon",
    "invoice.overdue",
    "invoice.overdue_reminder",
    "source.failing",
    "source.recovered",
    "endpoint.disabled",
    "endpoint.recovered",
    "webhook.test",
)


def check_event_glob(glob: str, known: Sequence[str] = EVENT_TYPES) -> str:
    """The glob itself. Raises ValueError, in words for a user, where no event has such a type."""
    pattern = glob.removeprefix("!")
    if not any(fnmatchcase(word, pattern) for word in known):
        raise ValueError(f"matches no event{meant(pattern, known)}, allowed: globs over {', '.join(known)}")
    return glob


def check_event_globs(globs: Sequence[str], known: Sequence[str] = EVENT_TYPES) -> None:
    """Raises ValueError where the globs together select nothing."""
    wanted = [glob for glob in globs if not glob.startswith("!")]
    excluded = [glob[1:] for glob in globs if glob.startswith("!")]
    for word in known:
        if any(fnmatchcase(word, glob) for glob in wanted) and not any(fnmatchcase(word, glob) for glob in excluded):
            return
    raise ValueError('select no event at all, must select one or more, such as ["*", "!invoice.updated"]')
