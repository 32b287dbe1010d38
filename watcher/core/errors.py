"""Every error of the program, sorted by what happens next.

Wait: `ProviderUnavailable`, `Unreachable`, `RateLimited`, `SlotMissed`.
Stop this one: `InvalidAnswer`, `InvoiceRefused`, `ListRefused`, `LeaseLost`.
Call a human: `CredentialsRefused`, `ConfigError`, `SchemaMismatch`, `StoreUnavailable`.
An id that a provider does not know is an expected outcome and so a value (`ports.Missing`), not an error.
"""

from datetime import timedelta


class WatcherError(Exception):
    """Any failure this program explains in words. `str(error)` is fit for an operator and holds no secret."""


class ProviderUnavailable(WatcherError):
    """The provider could not answer now (connect, TLS, timeout, 5xx, an answer that is not its API's): wait."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(ProviderUnavailable):
    """No connection came about (no address, no route, refused, silence): the fault may lie on our own side."""


class RateLimited(ProviderUnavailable):
    """The provider said 429 (or equivalent): back off with the whole account; never the invoice's fault."""


class SlotMissed(WatcherError):
    """A request's send instant passed more than a second ago: it was not sent, its turn is given up."""


class CredentialsRefused(WatcherError):
    """The provider refused the account's credentials (not merely one id)."""


class InvoiceRefused(WatcherError):
    """The provider answered for this id alone with an error that says nothing about the account."""


class InvalidAnswer(InvoiceRefused):
    """The answer for this id cannot be read: broken JSON, wrong type, impossible amount."""


class ListRefused(WatcherError):
    """The provider has no such list, refuses it or answers it unreadably: invoices are asked for one by one."""


class LeaseLost(WatcherError):
    """Somebody else took the row over: nothing was written."""


class ConfigError(WatcherError):
    """The configuration is wrong. `problems` holds every mistake, each `file:line: key.path: what, what is allowed`."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StoreUnavailable(WatcherError):
    """The database cannot be used now: missing, read-only, full, locked, unreachable."""


class DatabaseUnsuitable(WatcherError):
    """The database, or a program in front of it, cannot do what this program needs: only an operator can help."""


class SchemaMismatch(WatcherError):
    """The database has another schema than this program: the message says which side is older and what to run."""


class NotFound(WatcherError):
    """What the user named does not exist here (watch, event, endpoint, source)."""


class Refused(WatcherError):
    """What the user asked for is not possible as things are; the message says why and what to do instead."""


class StillListed(Refused):
    """Only a watch list can take back what it lists. `place` is its file, or file and line."""

    def __init__(self, source: str, invoice_id: str, place: str) -> None:
        super().__init__(f"{source} {invoice_id} is listed in {place}: remove it there")
        self.place = place
