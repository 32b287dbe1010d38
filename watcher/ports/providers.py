"""What a poll needs from a billing provider."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from watcher.core.errors import WatcherError
from watcher.core.invoices.invoice import Invoice, Snapshot
from watcher.core.json_text import Document


class RateLimiter(Protocol):
    """The account's rate budget, asked before *every* HTTP request (tokens, retries, control and list calls too)."""

    async def wait(self) -> None:
        """Return at this request's send instant. Raises SlotMissed where that passed over a second ago."""
        ...


Known = Mapping[str, bytes]
"""By invoice id, `Found.text` of the look that is stored, where an equal text would tell nothing new."""
NOTHING_KNOWN: Known = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Found:
    """The provider's document of one invoice. All that is asked of it is made anew, as most looks change nothing.

    `text` is a digest of its words as they were sent, less what is different in each answer; empty where the adapter
    has none. Equal ones have equal documents, and save the reading.
    """

    read: Callable[[], Document]
    """Raises InvalidAnswer: the rows of a list are not read before it is known that they say something new."""
    write_raw: Callable[[Document], bytes]
    """Its JSON text without secrets, for `show --raw`."""
    hash_steady: Callable[[Document], bytes]
    """A fingerprint of what it says: equal ones mean that nothing but volatile fields differs. Raises InvalidAnswer."""
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
    """The provider sent the text that is known."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A miss: the provider says that there is no such invoice (contract: "Deleted"). `reason` is its own word."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """One id that could not be read, while the rest of the answer could."""

    error: WatcherError


PollResult = Found | Same | Missing | Failed


@dataclass(frozen=True, slots=True)
class Fetched:
    """One request's looks, by invoice id. `asked_at` is its start, `answered_at` the arrival of its answer."""

    results: Mapping[str, PollResult]
    asked_at: datetime
    answered_at: datetime
    server_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list. `result` is None where rows lack parts of the document: then `document` is a partial row.

    `is_settled` is the provider's word: paid, void or given up. `changed_at` is when it says that the invoice changed
    last, None where it does not say so or is not to be believed.
    """

    invoice_id: str
    document: Document
    is_settled: bool = False
    result: Found | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One request's rows. `next_page` asks for those behind it, None at the end; `total` is of the list where told.

    `omits` are the fields of a snapshot that rows do not carry: of these a list says nothing.
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
        """Ask for 1…batch_size invoices; every id gets a look, Same only those that are `known`.

        Raises what concerns the whole request: CredentialsRefused, RateLimited, ProviderUnavailable, SlotMissed.
        """
        ...

    @property
    def lists_changes(self) -> bool:
        """Whether `list_page` can tell what changed since an instant."""
        ...

    async def list_page(self, page: str | None, limiter: RateLimiter, *, changed_since: datetime | None = None) -> Page:
        """Ask for one page of the unsettled invoices, or of all where the provider cannot tell them apart.

        The first page is None. With `changed_since`, of what changed then or later, settled or not. Absence proves
        nothing: pages shift while they are read. Raises like `fetch`, and ListRefused.
        """
        ...

    async def probe(self, limiter: RateLimiter) -> datetime | None:
        """One cheap call that needs credentials but no invoice; the server's `Date`. Raises like `fetch`."""
        ...

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:
        """Read a document. Pure. `before` only where the provider forces it. Raises InvalidAnswer."""
        ...

    async def renew_token(self, limiter: RateLimiter) -> None:
        """Renew the access token if it ends soon; nothing for providers without tokens. Raises like `fetch`."""
        ...
