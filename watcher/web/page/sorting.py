"""The heads of sorted columns: links that sort, or turn the order round."""

from collections.abc import Mapping
from dataclasses import dataclass

from watcher.ports import InvoiceSort
from watcher.web.api.request_models import Order

SORTS = {
    InvoiceSort.ID.value: "source and id",
    InvoiceSort.DUE_DATE.value: "due date",
    InvoiceSort.AMOUNT_DUE.value: "amount due",
    InvoiceSort.AGE.value: "age",
    InvoiceSort.LAST_CHANGE.value: "last change",
}
_FIRST = {
    InvoiceSort.DUE_DATE: Order.ASC,
    InvoiceSort.AMOUNT_DUE: Order.DESC,
    InvoiceSort.AGE: Order.DESC,
    InvoiceSort.LAST_CHANGE: Order.DESC,
}
"""The order that the first click asks for: what is wanted more often."""
_ARIA = {Order.ASC: "ascending", Order.DESC: "descending"}


@dataclass(frozen=True, slots=True)
class SortHead:
    """`parameters` are those of the link; `aria_sort` is the value of that attribute, or nothing."""

    parameters: Mapping[str, str]
    aria_sort: str | None


def sort_heads(sort: InvoiceSort, order: Order, chosen: Mapping[str, str]) -> Mapping[str, SortHead]:
    """By the names of the sorts; `chosen` are the filters that stay."""
    heads: dict[str, SortHead] = {}
    for one, first in _FIRST.items():
        following = first
        if one is sort:
            following = Order.DESC if order is Order.ASC else Order.ASC
        parameters = {**chosen, "sort": one.value, "order": following.value}
        heads[one.value] = SortHead(parameters, _ARIA[order] if one is sort else None)
    return heads
