"""What polling needs from a billing provider."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from watcher.core.errors import WatcherError
from watcher.core.invoices.invoice import Invoice, Snapshot
from watcher.core.json_text import Document
from watcher.core.value_object import value_object


class RateLimiter(Protocol):
    """The rate budget of the account.

    It is asked before *every* HTTP request: tokens, retries, probes and lists too.
    """

    async def wait(self) -> None:
        """Return at the send instant of this request. Raises SlotMissed if that passed more than a second ago."""
        ...


Known = Mapping[str, bytes]
"""By invoice id, `Found.text` of the stored poll, for invoices about which an equal text says nothing new."""
NOTHING_KNOWN: Known = MappingProxyType({})


@value_object
class Found:
    """The provider's document of one invoice. Its parts are computed only when needed, as most polls change nothing.

    `text` is a digest of the bytes as they were sent, without the parts that differ in each answer; empty if the
    adapter has none. Equal texts mean equal documents, which saves reading them.
    """

    read: Callable[[], Document]
    """Raises InvalidAnswer: rows of a list are only read once it is known that they say something new."""
    write_raw: Callable[[Document], bytes]
    """Its JSON text without secrets, for `show --raw`."""
    hash_steady: Callable[[Document], bytes]
    """A fingerprint of the content: equal ones mean that only volatile fields differ. Raises InvalidAnswer."""
    text: bytes = b""

    @property
    def document(self) -> Document:
        return self.read()

    @property
    def raw(self) -> bytes:
        return self.write_raw(self.read())

    @property
    def fingerprint(self) -> bytes:
        return self.hash_steady(self.read())


@dataclass(frozen=True, slots=True)
class Same:
    """The provider sent the text that is already known."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The provider says that there is no such invoice. `reason` is its own wording. Three misses delete the invoice."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """One id whose answer could not be read, while the rest of the answer could."""

    error: WatcherError


PollResult = Found | Same | Missing | Failed


@value_object
class Fetched:
    """The results of one request, by invoice id. `asked_at` is its start, `answered_at` the arrival of its answer.

    `is_cached`: a cache on the way gave the answer, and `asked_at` is earlier by its age.
    """

    results: Mapping[str, PollResult]
    asked_at: datetime
    answered_at: datetime
    server_date: datetime | None = None
    is_cached: bool = False


@value_object
class Listed:
    """One row of a list. `result` is None if rows lack parts of the document: then `document` is a partial row.

    `is_settled` is what the provider says: paid, void or given up. `changed_at` is when it says that the invoice
    changed last, None if it does not say so or cannot be trusted.
    """

    invoice_id: str
    document: Document
    is_settled: bool = False
    result: Found | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one request. `next_page` asks for the rows after them, None at the end.

    `total` counts the list if known. `omits` are the fields of a snapshot that rows do not contain: the list says
    nothing about them.
    """

    rows: tuple[Listed, ...]
    next_page: str | None
    asked_at: datetime
    answered_at: datetime
    server_date: datetime | None = None
    total: int | None = None
    omits: frozenset[str] = frozenset()


class Provider(Protocol):
    """One account at one billing provider."""

    @property
    def batch_size(self) -> int:
        """How many ids one request can ask for."""
        ...

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        """Ask for 1…batch_size invoices; every id gets a result, `Same` only if it is in `known`.

        Raises what concerns the whole request: CredentialsRefused, RateLimited, ProviderUnavailable, SlotMissed.
        """
        ...

    @property
    def lists_changes(self) -> bool:
        """Whether `list_page` can list what changed since an instant."""
        ...

    async def list_page(self, page: str | None, limiter: RateLimiter, *, changed_since: datetime | None = None) -> Page:
        """Ask for one page of the unsettled invoices, or of all if the provider cannot filter them.

        The first page is None. With `changed_since`, the page has what changed then or later, settled or not. Absence
        proves nothing: pages shift while they are read. Raises like `fetch`, and ListRefused.
        """
        ...

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        """One cheap request that needs credentials but no invoice; returns the server's `Date`. Raises like `fetch`."""
        ...

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:
        """Read a document. Pure. `before` is used only if the provider leaves no other way. Raises InvalidAnswer."""
        ...

    async def renew_token(self, limiter: RateLimiter) -> None:
        """Renew the access token if it ends soon; does nothing for providers without tokens. Raises like `fetch`."""
        ...
