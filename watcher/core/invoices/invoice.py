"""The two documents that everything else is about: a provider's `Invoice` and the canonical `Snapshot`.

An adapter turns a provider's answer into an `Invoice`. `snapshot.take` adds what only the watcher knows (source, tags,
the local end of the due day, overdue) and makes a `Snapshot`, whose `to_document` is what subscribers receive.
"""

from dataclasses import field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from watcher.core.value_object import value_object


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


@value_object
class Amounts:
    """One currency of an invoice, in major units; each Decimal has exactly the decimals that it is shown with.

    `minor` marks a currency with an unknown exponent at a provider that counts in minor units: the values are whole
    minor units, and the document says so with `"unit": "minor"`. Values are positive for payables too. Make instances
    with `core.money`; no float is ever involved.
    """

    currency: str
    total: Decimal
    paid: Decimal
    due: Decimal
    credited: Decimal
    refunded: Decimal
    written_off: Decimal
    minor: bool = False


@value_object
class Customer:
    id: str | None = None
    name: str | None = None


@value_object
class Invoice:
    """What one provider answer says about one invoice, in the terms of the contract and before any clock.

    `status` is the provider's word as the adapter maps it, corrected by `read_status` (partial payment follows from the
    numbers). `due` is a `date` if the provider gives only a day, an aware `datetime` if it gives an instant. `amounts`
    has one row per currency, sorted by currency. All datetimes are aware UTC. Strings are already cut to length.
    Personal data is already removed, except `customer_name`, which `snapshot.take` drops unless the operator wants it.
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
    revision: int | None = None
    """Where the provider's own mark of its latest change stands, such as a version or microseconds since 1970. It may
    stand still, but goes back only in an outdated answer. None if there is no such mark; not part of a snapshot.
    """
    payment_failed_inferred: bool = False
    """A payment was in progress in the snapshot before, the provider shows none now, and nothing was paid (Dollr)."""


@value_object
class Snapshot:
    """The canonical document that subscribers receive. Equal documents are equal snapshots."""

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
    """The *value* of the due date, for which clock events are recorded once: the ISO date, or the provider's instant.
    Unlike `due_on` and `due_at` it does not move with the source's time zone. Stored beside the document, never shown.
    """

    @property
    def money_due(self) -> bool:
        return any(row.due > 0 for row in self.amounts)

    @property
    def collectable(self) -> bool:
        """Somebody still has to pay it: only such an invoice can be due soon or overdue."""
        return self.status in COLLECTABLE and self.money_due


def read_status(status: Status, amounts: tuple[Amounts, ...]) -> Status:
    """Correct the provider's status by the amounts: partially paid means paid > 0 and due > 0."""
    if status not in {Status.OPEN, Status.PARTIALLY_PAID, Status.PAID}:
        return status
    if not amounts:
        return Status.UNKNOWN if status is Status.PAID else Status.OPEN
    if any(row.paid > 0 for row in amounts) and any(row.due > 0 for row in amounts):
        return Status.PARTIALLY_PAID
    return Status.PAID if status is Status.PAID else Status.OPEN
