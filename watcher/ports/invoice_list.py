"""How lists of invoices are filtered and sorted, and what a row of one is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from watcher.core.invoices.invoice import Status

Item = dict[str, object]
"""One member of a list, as `--json` prints it."""

InvoicePlace = tuple[str | int, ...]
"""Where an invoice stands in a list: the key that the list is sorted by."""


class InvoiceSort(StrEnum):
    """What a list of invoices is sorted by. What has no such value comes last in both directions.

    Amounts of different currencies are not compared: an invoice stands among those of its first currency, or of the one
    that the list is filtered by. The age counts from the issue date, or from the day since which the provider has the
    invoice if it gives none.
    """

    ID = "id"
    DUE_DATE = "due_date"
    AMOUNT_DUE = "amount_due"
    AGE = "age"
    LAST_CHANGE = "last_change"


class InvoiceFilters(TypedDict, total=False):
    """`search` is a part of the id or of the number, in upper or lower case; `customer` the id or the name of one."""

    status: Status | None
    overdue: bool | None
    source: str | None
    tag: str | None
    search: str | None
    customer: str | None
    currency: str | None
    sort: InvoiceSort
    descending: bool


class InvoiceQuery(InvoiceFilters, total=False):
    """`after` is the place of the last invoice seen in the same list."""

    after: InvoicePlace | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class ListedInvoice:
    """`item` is the newest snapshot, which was first seen at `changed_at`."""

    place: InvoicePlace
    item: Item
    changed_at: datetime
