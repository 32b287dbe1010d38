"""What the page shows beside the lists: figures over everything, and how sources and endpoints are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Protocol

from watcher.ports.api import Item
from watcher.ports.deliveries import DeliveryState

WAITING = (DeliveryState.PENDING, DeliveryState.DELIVERING, DeliveryState.PARKED)


class Age(IntEnum):
    """For how many days an invoice has been overdue: at most that many, `OLDER` for all the rest."""

    WEEK = 7
    MONTH = 30
    TWO_MONTHS = 60
    QUARTER = 90
    OLDER = 0


@dataclass(frozen=True, slots=True, order=True)
class MoneyUnit:
    """What may be added: money of one direction in one currency. `minor`: counted in minor units of unknown size."""

    direction: str
    currency: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Sum:
    """The exact sums over `count` invoices that are watched."""

    count: int
    total: Decimal
    paid: Decimal
    due: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that takes reading everything, as it was at one instant.

    `watches` are counted by source and state, `deliveries` by endpoint and state, `invoices` by status, `events` by
    their UTC day without the baselines. `planned` are the looks that fall due within the next quarter of an hour, what
    is late included, by source. `longest_overdue` are invoices as lists show them.
    """

    watches: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    planned: Mapping[str, int] = field(default_factory=dict[str, int])
    invoices: Mapping[str, int] = field(default_factory=dict[str, int])
    overdue: int = 0
    money: Mapping[tuple[MoneyUnit, str], Sum] = field(default_factory=dict[tuple[MoneyUnit, str], Sum])
    overdue_money: Mapping[tuple[MoneyUnit, Age], Sum] = field(default_factory=dict[tuple[MoneyUnit, Age], Sum])
    longest_overdue: Sequence[Item] = ()
    deliveries: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    events: Mapping[date, int] = field(default_factory=dict[date, int])

    def waiting(self, endpoint: str) -> int:
        """How many of its deliveries are not at their end."""
        return sum(self.deliveries.get((endpoint, state), 0) for state in WAITING)


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """`state` as in lists of sources. `behind_since` is from when on its longest due watch has been waiting."""

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
    """`state` as in lists of endpoints. `reason` is why it is disabled."""

    name: str
    url: str
    state: str
    failing_since: datetime | None
    paused_until: datetime | None
    probe_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class DetectionDelay:
    """How late changes at a source are expected to be seen on average, and how late they were.

    `open_invoices` is None until they could be counted: a start knows no invoice before it has polled. `expected` is
    None where it cannot be told (cron). The rest is of the `changes` that the provider dated, None where there were
    none; `doubt` is a sentence where both part.
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
    """Each raises StoreUnavailable."""

    async def figures(self, now: datetime) -> Figures:
        """Reads everything: seconds where there are a hundred thousand invoices."""
        ...

    async def sources(self, now: datetime) -> tuple[SourceHealth, ...]: ...

    async def endpoints(self, now: datetime) -> tuple[EndpointHealth, ...]: ...
