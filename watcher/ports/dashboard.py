"""What the page shows besides the lists: totals and statistics, and the health of sources and endpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Protocol

from watcher.ports.deliveries import DeliveryState
from watcher.ports.invoice_list import Item

WAITING = (DeliveryState.PENDING, DeliveryState.DELIVERING, DeliveryState.PARKED)


class Age(IntEnum):
    """For how many days an invoice has been overdue: at most this many; `OLDER` is the rest."""

    WEEK = 7
    MONTH = 30
    TWO_MONTHS = 60
    QUARTER = 90
    OLDER = 0


@dataclass(frozen=True, slots=True, order=True)
class MoneyUnit:
    """Money that may be added: one direction and one currency. `minor`: counted in minor units of unknown size."""

    direction: str
    currency: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Sum:
    """The exact sums over `count` watched invoices."""

    count: int
    total: Decimal
    paid: Decimal
    due: Decimal


@dataclass(frozen=True, slots=True)
class AttemptHour:
    """The attempts that began within one hour: how many delivered, and how many failed."""

    began_at: datetime
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class DelayBand:
    """Changes detected within `up_to`, and no sooner than the band before says; None for all that took longer.

    `hinted` are those that a hint led to, `polled` all others.
    """

    up_to: timedelta | None
    polled: int
    hinted: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that needs a reading of all rows, as of one instant.

    `watches` are counted by source and state, `deliveries` by endpoint and state, `invoices` by status, `events` by UTC
    day without the baselines. `planned` is the number of polls due within a quarter of an hour, late ones included, by
    source. `longest_overdue` are invoices as lists show them. `due_weeks` are sums by the Monday of the week of the due
    date, for weeks near now. `hours` are the last ones, the current one included, and `delay_bands` are over a month:
    both without gaps, or empty if nothing was read.
    """

    watches: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    planned: Mapping[str, int] = field(default_factory=dict[str, int])
    invoices: Mapping[str, int] = field(default_factory=dict[str, int])
    overdue: int = 0
    money: Mapping[tuple[MoneyUnit, str], Sum] = field(default_factory=dict[tuple[MoneyUnit, str], Sum])
    overdue_money: Mapping[tuple[MoneyUnit, Age], Sum] = field(default_factory=dict[tuple[MoneyUnit, Age], Sum])
    due_weeks: Mapping[tuple[MoneyUnit, date], Sum] = field(default_factory=dict[tuple[MoneyUnit, date], Sum])
    longest_overdue: Sequence[Item] = ()
    deliveries: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    events: Mapping[date, int] = field(default_factory=dict[date, int])
    hours: Sequence[AttemptHour] = ()
    delay_bands: Sequence[DelayBand] = ()

    def waiting(self, endpoint: str) -> int:
        """How many of its deliveries are not in a final state."""
        return sum(self.deliveries.get((endpoint, state), 0) for state in WAITING)


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """`state` as in the list of sources. `behind_since` is since when its longest due watch has been due."""

    name: str
    provider: str
    state: str
    behind_since: datetime | None
    failing_since: datetime | None
    blocked_until: datetime | None
    last_success_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """`state` as in the list of endpoints. `reason` is why it is disabled."""

    name: str
    url: str
    state: str
    failing_since: datetime | None
    paused_until: datetime | None
    probe_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class DetectionDelay:
    """How long it takes until a change at a source is detected: expected on average, and as measured.

    `open_invoices` is None until they could be counted: before its first poll an installation knows no invoice.
    `expected` is None for policies without a forecast (cron). The other figures are over the `changes` that the
    provider dated, None without any; `doubt` is a sentence for the page if forecast and measurement differ.
    """

    source: str
    policy: str
    open_invoices: int | None
    expected: timedelta | None
    changes: int
    mean: timedelta | None
    median: timedelta | None
    p95: timedelta | None
    doubt: str | None


class Dashboard(Protocol):
    """Each method raises StoreUnavailable."""

    async def figures(self, now: datetime) -> Figures:
        """Reads all rows: this takes seconds with a hundred thousand invoices."""
        ...

    async def sources(self, now: datetime) -> tuple[SourceHealth, ...]: ...

    async def endpoints(self, now: datetime) -> tuple[EndpointHealth, ...]: ...
