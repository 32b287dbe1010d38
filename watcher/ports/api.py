"""What the HTTP side needs: lists to show, and actions to perform."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Required, TypedDict, Unpack

from watcher.ports.adding import PastedWatches, WatchPreview
from watcher.ports.deliveries import DeliveryState
from watcher.ports.invoice_list import InvoiceFilters, InvoicePlace, InvoiceQuery, Item, ListedInvoice
from watcher.ports.polls import WatchState
from watcher.ports.watches import DesiredWatch, WatchByHand, WatchEdit


class WatchFilters(TypedDict, total=False):
    """`after` is (source, invoice id)."""

    source: str | None
    state: WatchState | None
    tag: str | None
    after: tuple[str, str] | None
    limit: int | None


class EventFilters(TypedDict, total=False):
    limit: Required[int]
    type_glob: str | None
    source: str | None
    tag: str | None
    newest_first: bool


class DeliveryFilters(TypedDict, total=False):
    """`after` is the number in a `delivery_id`."""

    state: DeliveryState | None
    endpoint: str | None
    after: int
    limit: int | None
    newest_first: bool


class Reports(Protocol):
    """Lists in a stable order: `after` is the key of the last item seen, `limit` the maximum number.

    Each method raises StoreUnavailable.
    """

    async def watch(self, source: str, invoice_id: str) -> Item | None: ...

    async def watch_by_hand(self, source: str, invoice_id: str) -> WatchByHand | None:
        """None if the invoice is not watched."""
        ...

    async def watch_list(self, **filters: Unpack[WatchFilters]) -> list[Item]: ...

    async def invoices(self, **query: Unpack[InvoiceQuery]) -> list[Item]: ...

    async def invoice_list(
        self, filters: InvoiceFilters, after: InvoicePlace | None = None, limit: int | None = None
    ) -> list[ListedInvoice]: ...

    async def currencies(self) -> list[str]:
        """Those of all watched invoices."""
        ...

    async def show(self, source: str, invoice_id: str) -> Item | None: ...

    async def timeline(self, source: str, invoice_id: str) -> list[Item] | None: ...

    async def events(self, *, after: str | None = None, **filters: Unpack[EventFilters]) -> list[Item]: ...

    async def feed_start(self) -> str | None:
        """The `after` of a reader that begins at the beginning; None if everything is kept."""
        ...

    async def newest_cursor(self) -> int: ...

    async def deliveries(self, **filters: Unpack[DeliveryFilters]) -> list[Item]: ...

    async def endpoints(self, now: datetime | None = None) -> list[Item]: ...

    async def sources(self, now: datetime, rates: Mapping[str, str] | None = None) -> list[Item]: ...

    async def replicas(self, now: datetime) -> list[Item]: ...

    async def audit(
        self, *, since: datetime | None = None, before: int | None = None, limit: int | None = None
    ) -> list[tuple[int, Item]]:
        """Newest first, each entry with its key; `before` is the key of the last one that was seen."""
        ...


@dataclass(frozen=True, slots=True)
class TestResult:
    """The result of one test webhook. `explanation` is a sentence for the operator that names the likely cause.

    `response` and `detail` are those of a receipt.
    """

    endpoint: str
    event_id: str
    delivered: bool
    status: int | None
    error: str | None
    detail: str | None
    response: str | None
    milliseconds: int
    explanation: str


class Actions(Protocol):
    """What an operator can do by hand; each takes effect at once.

    Each method raises NotFound, Refused with the reason, NotAllowed for a caller who may only read, or
    StoreUnavailable.
    """

    async def add_watch(self, entry: DesiredWatch) -> bool:
        """True if the invoice was not watched before."""
        ...

    async def preview_watches(self, pasted: PastedWatches) -> WatchPreview:
        """What `add_watches` would do; writes nothing. Raises Refused if no line of it can be read."""
        ...

    async def add_watches(self, pasted: PastedWatches) -> WatchPreview:
        """Watch what is new in a pasted list, and return what was done with each line."""
        ...

    async def edit_watch(self, source: str, invoice_id: str, edit: WatchEdit) -> None: ...

    async def remove_watch(self, source: str, invoice_id: str) -> None: ...

    async def request_poll(self, source: str, invoice_id: str) -> datetime:
        """Returns when the poll is due."""
        ...

    async def enable_endpoint(self, name: str) -> None: ...

    async def disable_endpoint(self, name: str) -> None: ...

    async def test_endpoint(self, name: str) -> TestResult: ...

    async def redeliver(self, delivery_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition of the service.

    It works if `store_error` is None and `stalled` is empty; the other fields are only shown. `clock_ahead`, in
    seconds, is set while clock events are held; `lists_held_since` while a change of the watch lists waits for
    confirmation. `replica` is the name of this process where several share the database, `differing` are those with
    another configuration.
    """

    store_error: str | None = None
    stalled: tuple[str, ...] = ()
    config_problems: tuple[str, ...] = ()
    clock_ahead: int | None = None
    lists_held_since: datetime | None = None
    replica: str | None = None
    differing: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        return self.store_error is None and not self.stalled
