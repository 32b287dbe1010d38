"""What a list of customers and the page of one need from the store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from watcher.core.invoices.aging import Bucket
from watcher.core.money import text
from watcher.ports.aging import AgingSum
from watcher.ports.invoice_list import Item

CustomerKey = tuple[str, str]
"""Customer id and source: what customers are ordered by."""

_EXACT = Context(prec=100)
_NOTHING = AgingSum(0, Decimal(0))


@dataclass(frozen=True, slots=True)
class CustomerSum:
    """The watched invoices of one customer in one direction and currency.

    `invoices` counts all of them, `statuses` by status. `paid` is what was paid of them, refunds not taken away.
    `buckets` is what is still due: nothing where nothing is.
    """

    direction: str
    currency: str
    minor: bool
    invoices: int
    statuses: Mapping[str, int]
    paid: Decimal
    buckets: Mapping[Bucket, AgingSum]

    @property
    def due(self) -> AgingSum:
        return _added(self.buckets.values())

    @property
    def overdue(self) -> AgingSum:
        return _added(found for bucket, found in self.buckets.items() if bucket is not Bucket.NOT_DUE)


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of one source: the same id at two sources is two. `name` is None unless names are kept."""

    source: str
    id: str
    name: str | None
    sums: tuple[CustomerSum, ...]

    @property
    def invoices(self) -> int:
        """One in two currencies counts in each of them."""
        return sum(found.invoices for found in self.sums)

    @property
    def key(self) -> CustomerKey:
        return self.id, self.source


class Customers(Protocol):
    """Days are those of `zones`, by source; UTC without. Raises StoreUnavailable."""

    async def customer(
        self, source: str, customer_id: str, now: datetime, zones: Mapping[str, ZoneInfo]
    ) -> Customer | None:
        """None if no watched invoice has this customer."""
        ...

    async def customers(
        self,
        now: datetime,
        zones: Mapping[str, ZoneInfo],
        *,
        search: str | None = None,
        after: CustomerKey | None = None,
        limit: int | None = None,
    ) -> Sequence[Customer]:
        """By id and source. `search` is a part of the id or of the name, in upper or lower case."""
        ...


def customer_item(customer: Customer) -> Item:
    """The customer as the API shows it, with a sum for each direction and currency."""
    return {
        "source": customer.source,
        "customer_id": customer.id,
        "customer_name": customer.name,
        "sums": [
            {
                "direction": found.direction,
                "currency": found.currency or None,
                "unit": "minor" if found.minor else None,
                "invoices": found.invoices,
                "paid": text(found.paid),
                "due": _item(found.due),
                "overdue": _item(found.overdue),
            }
            for found in customer.sums
        ],
    }


def _item(found: AgingSum) -> Item:
    return {"count": found.count, "due": text(found.due)}


def _added(sums: Iterable[AgingSum]) -> AgingSum:
    total = _NOTHING
    for one in sums:
        total = AgingSum(total.count + one.count, _EXACT.add(total.due, one.due))
    return total
