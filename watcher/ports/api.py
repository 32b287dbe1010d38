"""What the HTTP side needs of the program: lists to show, and what may be done by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from watcher.core.invoices.invoice import Status
from watcher.ports.deliveries import DeliveryState
from watcher.ports.polls import WatchState
from watcher.ports.watches import DesiredWatch

Item = dict[str, object]
"""One member of a list, as `--json` prints it."""


class Reports(Protocol):
    """What is known, in a stable order: `after` names the last item seen, `limit` the most.

    Each raises StoreUnavailable.
    """

    async def watch(self, source: str, invoice_id: str) -> Item | None: ...

    async def watch_list(
        self,
        *,
        source: str | None = None,
        state: WatchState | None = None,
        tag: str | None = None,
        after: tuple[str, str] | None = None,
        limit: int | None = None,
    ) -> list[Item]: ...

    async def invoices(
        self,
        *,
        status: Status | None = None,
        overdue: bool | None = None,
        source: str | None = None,
        tag: str | None = None,
        search: str | None = None,
        after: tuple[str, str] | None = None,
        limit: int | None = None,
    ) -> list[Item]: ...

    async def show(self, source: str, invoice_id: str) -> Item | None: ...

    async def timeline(self, source: str, invoice_id: str) -> list[Item] | None: ...

    async def events(
        self,
        *,
        after: str | None = None,
        limit: int,
        type_glob: str | None = None,
        source: str | None = None,
        tag: str | None = None,
        newest_first: bool = False,
    ) -> list[Item]: ...

    async def newest_cursor(self) -> int: ...

    async def deliveries(
        self,
        *,
        state: DeliveryState | None = None,
        endpoint: str | None = None,
        after: int = 0,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Item]: ...

    async def endpoints(self, now: datetime | None = None) -> list[Item]: ...

    async def sources(self, rates: Mapping[str, str] | None = None) -> list[Item]: ...


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one webhook sent by hand. `explanation` is a sentence for the operator that names the likely cause.

    `response`, `detail`: as in a receipt.
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
    """What may be done by hand, in force at once.

    Each raises NotFound, Refused with the reason, or StoreUnavailable.
    """

    async def add_watch(self, entry: DesiredWatch) -> bool:
        """True where the invoice was not watched before."""
        ...

    async def remove_watch(self, source: str, invoice_id: str) -> None: ...

    async def request_poll(self, source: str, invoice_id: str) -> datetime:
        """When it is due."""
        ...

    async def enable_endpoint(self, name: str) -> None: ...

    async def disable_endpoint(self, name: str) -> None: ...

    async def test_endpoint(self, name: str) -> TestResult: ...

    async def redeliver(self, delivery_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """How the service is. `store_error` is None and `stalled` empty where it works; the rest is said, and no failure.

    `clock_ahead` is set, in seconds, while clock events are held; `lists_held_since` while a change of the watch lists
    waits for confirmation.
    """

    store_error: str | None = None
    stalled: tuple[str, ...] = ()
    config_problems: tuple[str, ...] = ()
    clock_ahead: int | None = None
    lists_held_since: datetime | None = None

    @property
    def is_ready(self) -> bool:
        return self.store_error is None and not self.stalled
