"""The two documents everything else is about: what a provider said (`Invoice`), and the canonical `Snapshot`.

An adapter turns a provider's answer into an `Invoice`. `snapshot.take` adds what only the watcher knows (source,
tags, the local end of the due day, overdue) and yields a `Snapshot`, whose `to_document` is what subscribers see.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    DELETED = "deleted"
    UNKNOWN = "unknown"


COLLECTABLE = frozenset({Status.OPEN, Status.PARTIALLY_PAID})
SETTLED = frozenset({Status.PAID, Status.VOID, Status.UNCOLLECTIBLE, Status.DELETED})
WITHOUT_DUE = frozenset({Status.VOID, Status.UNCOLLECTIBLE, Status.DELETED})


class Direction(StrEnum):
    RECEIVABLE = "receivable"
    PAYABLE = "payable"


@dataclass(frozen=True, slots=True)
class Amounts:
    """One currency of an invoice, in major units, each Decimal with exactly the decimals it is shown with.

    `minor` marks a currency whose exponent nobody knows, told by a provider that counts in minor units: the values
    are then whole minor units and the document says so with `"unit": "minor"`. All values are positive for payables
    too. Make them with `core.money`; no float ever enters.
    """

    currency: str
    total: Decimal
    paid: Decimal
    due: Decimal
    credited: Decimal
    refunded: Decimal
    written_off: Decimal
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """What one provider answer says about one invoice, in the contract's words and before any clock.

    `status` is the provider's word mapped by the adapter and settled by `read_status` (partial payment is read from
    the numbers). `due` is a `date` where the provider tells only a day, an aware `datetime` where it tells an instant.
    `amounts` holds one row per currency, sorted by currency. All datetimes are aware UTC. Strings are already cut,
    personal data is already gone, except `customer_name`, which `snapshot.take` drops unless the operator wants it.
    """

    id: str
    status: Status
    provider_status: str
    amounts: tuple[Amounts, ...]
    number: str | None = None
    payment_pending: bool = False
    failed_attempts: int = 0
    last_payment_error: str | None = None
    direction: Direction = Direction.RECEIVABLE
    issued_on: date | None = None
    due: date | datetime | None = None
    created_at: datetime | None = None
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    voided_at: datetime | None = None
    customer_id: str | None = None
    customer_name: str | None = None
    line_count: int = 0
    url: str | None = None

    uncollectible_at: datetime | None = None
    """Only for `occurred_at` of marked_uncollectible; not part of a snapshot."""
    payment_failed_inferred: bool = False
    """A payment was in flight in the snapshot before, and the provider shows none now, and nothing was paid (Dollr)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The canonical document (contract: "Canonical snapshot"). Equal documents are equal snapshots."""

    source: str
    provider: str
    id: str
    number: str | None
    status: Status
    provider_status: str
    overdue: bool
    payment_pending: bool
    failed_attempts: int
    last_payment_error: str | None
    direction: Direction
    amounts: tuple[Amounts, ...]
    issued_on: date | None
    due_on: date | None
    due_at: datetime | None
    created_at: datetime | None
    finalized_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    customer: Customer
    line_count: int
    url: str | None
    tags: tuple[str, ...]

    due_key: str | None = field(default=None, compare=False)
    """The due date *value* that clock events are told once for: the ISO date, or the provider's instant. Unlike
    `due_on` and `due_at` it does not move with the source's time zone. Stored beside the document, never shown."""

    @property
    def money_due(self) -> bool:
        return any(row.due > 0 for row in self.amounts)

    @property
    def collectable(self) -> bool:
        """Somebody still has to pay it: only such an invoice can be due soon or overdue."""
        return self.status in COLLECTABLE and self.money_due


def read_status(told: Status, amounts: tuple[Amounts, ...]) -> Status:
    """Settle the provider's word with its numbers: partially paid is paid > 0 and due > 0; no rows are never paid."""
    if told not in {Status.OPEN, Status.PARTIALLY_PAID, Status.PAID}:
        return told
    if not amounts:
        return Status.UNKNOWN if told is Status.PAID else Status.OPEN
    if any(row.paid > 0 for row in amounts) and any(row.due > 0 for row in amounts):
        return Status.PARTIALLY_PAID
    return Status.PAID if told is Status.PAID else Status.OPEN
