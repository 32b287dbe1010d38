"""Every error of the program, grouped by what has to happen next.

Wait: `ProviderUnavailable`, `Unreachable`, `RateLimited`, `SlotMissed`. Give up this invoice, list or row:
`InvalidAnswer`, `InvoiceRefused`, `ListRefused`, `LeaseLost`, `HintUnreadable`. Call a human: `CredentialsRefused`,
`ConfigError`, `SchemaMismatch`, `StoreUnavailable`. An id that a provider does not know is an expected outcome and
therefore a value (`ports.Missing`), not an error.
"""

from datetime import timedelta


class WatcherError(Exception):
    """Any failure that this program explains to its operator. `str(error)` can be shown and contains no secret."""


class ProviderUnavailable(WatcherError):
    """The provider could not answer now: wait and retry.

    Connection, TLS, timeout, 5xx, or an answer that is not from its API.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(ProviderUnavailable):
    """No connection was made (no address, no route, refused, no answer): the fault may be on our own side."""


class RateLimited(ProviderUnavailable):
    """The provider answered 429 or its equivalent: pause the whole account. It is never the invoice's fault."""


class SlotMissed(WatcherError):
    """A request's send instant passed more than a second ago: it was not sent, and its slot is given up."""


class CredentialsRefused(WatcherError):
    """The provider refused the credentials of the account, not only one id."""


class InvoiceRefused(WatcherError):
    """The provider answered for this id alone, with an error that says nothing about the account."""


class InvalidAnswer(InvoiceRefused):
    """The answer for this id cannot be read: broken JSON, a wrong type, an impossible amount."""


class ListRefused(WatcherError):
    """The provider has no such list, refuses it, or its answer cannot be read: poll the invoices one by one."""


class HintUnreadable(WatcherError):
    """The body of a hint is not the JSON object that its sender has to send. The message repeats none of it."""


class LeaseLost(WatcherError):
    """Another process took over the row: nothing was written."""


class ConfigError(WatcherError):
    """The configuration is wrong. `problems` has every mistake.

    `file:line: key.path: what is wrong, what is allowed`.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StoreUnavailable(WatcherError):
    """The database cannot be used at present: missing, read-only, full, locked or unreachable."""


class StoreUnreachable(StoreUnavailable):
    """The database does not answer, or does not accept connections yet: waiting may help."""


class DatabaseUnsuitable(WatcherError):
    """The database, or a program in front of it, lacks something that this program needs: only an operator can help."""


class SchemaMismatch(WatcherError):
    """The schema of the database does not match this program: the message says which one is older and what to run."""


class NotFound(WatcherError):
    """What the user named does not exist here: a watch, an event, an endpoint or a source."""


class Refused(WatcherError):
    """What the user asked for is not possible at present; the message says why and what to do instead."""


class NotAllowed(WatcherError):
    """Whoever asks may read, and not change anything."""


class CursorGone(WatcherError):
    """Events after the cursor that somebody has seen last are not kept any more. All from `first` on are."""

    def __init__(self, first: int) -> None:
        super().__init__(
            f"events after this cursor are not kept any more: those from {first} on are, ask for what comes after "
            f"{first - 1}"
        )
        self.first = first


class StillListed(Refused):
    """A watch that a list names can only be removed from that list. `place` is the file, or file and line."""

    def __init__(self, source: str, invoice_id: str, place: str) -> None:
        super().__init__(f"{source} {invoice_id} is listed in {place}: remove it there")
        self.place = place


class EditedInList(Refused):
    """The tags and the note of a watch that only a list names are edited in that list. `place` as in StillListed."""

    def __init__(self, source: str, invoice_id: str, place: str) -> None:
        super().__init__(f"{source} {invoice_id} is listed in {place}: edit its tags and note there")
        self.place = place
