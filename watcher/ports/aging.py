"""What an aging report needs from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from watcher.core.invoices.aging import Bucket
from watcher.core.money import text
from watcher.ports.invoice_list import Item

AgingKey = tuple[str, str, str, str, int]
"""Group, customer, direction, currency, and 1 for minor units: what rows are ordered by."""


_EXACT = Context(prec=100)


class AgingBy(StrEnum):
    SOURCE = "source"
    CUSTOMER = "customer"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class AgingSum:
    count: int
    due: Decimal


@dataclass(frozen=True, slots=True)
class AgingRow:
    """What is due to (or from) one source, customer or tag, in one currency.

    `group` is the name of the source, or of the tag, empty without a tag. `customer_id` is that of the source's
    customer, empty if it is unknown, and otherwise only set in a report by customer. `minor`: counted in minor units of
    unknown size.
    """

    by: AgingBy
    group: str
    customer_id: str
    customer_name: str | None
    direction: str
    currency: str
    minor: bool
    buckets: Mapping[Bucket, AgingSum]

    @property
    def key(self) -> AgingKey:
        return self.group, self.customer_id, self.direction, self.currency, int(self.minor)

    @property
    def total(self) -> AgingSum:
        count, due = 0, Decimal(0)
        for found in self.buckets.values():
            count, due = count + found.count, _EXACT.add(due, found.due)
        return AgingSum(count, due)


def aging_item(row: AgingRow) -> Item:
    """The row as `--json` and the API show it."""
    return {
        "source": None if row.by is AgingBy.TAG else row.group,
        "customer_id": row.customer_id or None,
        "customer_name": row.customer_name,
        "tag": (row.group or None) if row.by is AgingBy.TAG else None,
        "direction": row.direction,
        "currency": row.currency,
        "unit": "minor" if row.minor else None,
        "total": _item(row.total),
        **{bucket.value: _item(found) for bucket, found in row.buckets.items()},
    }


def _item(found: AgingSum) -> Item:
    return {"count": found.count, "due": text(found.due)}


class Aging(Protocol):
    async def report(
        self,
        by: AgingBy,
        now: datetime,
        zones: Mapping[str, ZoneInfo],
        *,
        after: AgingKey | None = None,
        limit: int | None = None,
    ) -> Sequence[AgingRow]:
        """Watched open and partially paid invoices with something due, exactly added up, ordered by key.

        `zones` are the time zones of the sources; without one it is UTC. An invoice with several tags counts for each
        of them. Raises StoreUnavailable.
        """
        ...
