"""Places in a list of invoices as cursors: each names what the list is sorted by."""

from collections.abc import Mapping
from http import HTTPStatus

from watcher.ports import InvoicePlace, InvoiceSort, ListedInvoice
from watcher.web.api import pagination
from watcher.web.problems import Problem

_KINDS: Mapping[InvoiceSort, tuple[type[str] | type[int], ...]] = {
    InvoiceSort.ID: (str, str),
    InvoiceSort.DUE_DATE: (str, int),
    InvoiceSort.AMOUNT_DUE: (str, int, str, int),
    InvoiceSort.AGE: (str, int),
    InvoiceSort.LAST_CHANGE: (int, int),
}
_MOST = 2**63
"""What databases take as a number."""


def token(sort: InvoiceSort, listed: ListedInvoice) -> str:
    return pagination.token(listed.place if sort is InvoiceSort.ID else (sort.value, *listed.place))


def read(sort: InvoiceSort, cursor: str | None) -> InvoicePlace | None:
    """The inverse of `token`. Raises Problem for the cursor of another list."""
    if sort is InvoiceSort.ID:
        return pagination.place(cursor, *_KINDS[sort])
    found = pagination.place(cursor, str, *_KINDS[sort])
    if found is None:
        return None
    name, *place = found
    if name != sort or any(isinstance(part, int) and not 0 <= part < _MOST for part in place):
        raise Problem(HTTPStatus.NOT_FOUND, "cursor is one of a list in another order: start again")
    return tuple(place)
