"""The public API for providers as plug-ins: the only module of this program that such a package imports.

It follows Semantic Versioning by `API_VERSION`: within a major version nothing here is removed or changes its meaning.
A package names its `ProviderKind` in the entry-point group `invoice_watcher.providers`; docs/adapter.md shows one.
"""

from aiohttp import ClientSession

from watcher.clock import Clock, Random
from watcher.core.errors import (
    CredentialsRefused,
    InvalidAnswer,
    InvoiceRefused,
    ListRefused,
    ProviderUnavailable,
    RateLimited,
    SlotMissed,
    Unreachable,
    WatcherError,
)
from watcher.core.invoices.invoice import WITHOUT_DUE, Amounts, Direction, Invoice, Snapshot, Status, read_status
from watcher.core.json_text import Document
from watcher.core.money import exact, from_major, from_minor, is_known
from watcher.ports import (
    NOTHING_KNOWN,
    Failed,
    Fetched,
    Found,
    Known,
    Listed,
    Missing,
    Page,
    PollResult,
    Provider,
    RateLimiter,
    Same,
)
from watcher.providers.toolkit import documents, field_types, field_values
from watcher.providers.toolkit.access_token import Token, TokenKeeper, read_token
from watcher.providers.toolkit.fetch_batch import fetch_many, require_batch
from watcher.providers.toolkit.fetch_one import error_object, fetch_one, fetched, read_probe, refusal
from watcher.providers.toolkit.http import (
    Answer,
    ProviderHttp,
    quote_id,
    raise_if_unavailable,
    read_object,
    read_rows,
    read_text,
)
from watcher.providers.toolkit.kind import Account, BuildProvider, ProviderKind
from watcher.providers.toolkit.list_pages import PAGE_SIZE, listed, objects, page_of, require_list

API_VERSION = "1.0"
ENTRY_POINTS = "invoice_watcher.providers"
"""The entry-point group; the name of an entry point is that of its provider."""

__all__ = [
    "API_VERSION",
    "ENTRY_POINTS",
    "NOTHING_KNOWN",
    "PAGE_SIZE",
    "WITHOUT_DUE",
    "Account",
    "Amounts",
    "Answer",
    "BuildProvider",
    "ClientSession",
    "Clock",
    "CredentialsRefused",
    "Direction",
    "Document",
    "Failed",
    "Fetched",
    "Found",
    "InvalidAnswer",
    "Invoice",
    "InvoiceRefused",
    "Known",
    "ListRefused",
    "Listed",
    "Missing",
    "Page",
    "PollResult",
    "Provider",
    "ProviderHttp",
    "ProviderKind",
    "ProviderUnavailable",
    "Random",
    "RateLimited",
    "RateLimiter",
    "Same",
    "SlotMissed",
    "Snapshot",
    "Status",
    "Token",
    "TokenKeeper",
    "Unreachable",
    "WatcherError",
    "documents",
    "error_object",
    "exact",
    "fetch_many",
    "fetch_one",
    "fetched",
    "field_types",
    "field_values",
    "from_major",
    "from_minor",
    "is_known",
    "listed",
    "objects",
    "page_of",
    "quote_id",
    "raise_if_unavailable",
    "read_object",
    "read_probe",
    "read_rows",
    "read_status",
    "read_text",
    "read_token",
    "refusal",
    "require_batch",
    "require_list",
]
