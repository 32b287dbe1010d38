"""The filters that the forms of the page offer."""

from typing import Annotated

from pydantic import Field

from watcher.ports import AgingBy, DeliveryState, InvoiceSort, WatchState
from watcher.web.api.request_models import CURSOR, LONGEST_SEARCH, InvoiceFields, Order, Text
from watcher.web.api.response_models import Shape


class InvoiceFilter(InvoiceFields):
    cursor: str | None = None


class CustomerFilter(Shape):
    search: Annotated[Text | None, Field(max_length=LONGEST_SEARCH)] = None
    cursor: str | None = None


class CustomerInvoices(Shape):
    sort: InvoiceSort = InvoiceSort.DUE_DATE
    order: Order = Order.ASC
    cursor: str | None = None


class SourceFilter(Shape):
    source: Text | None = None


class WatchFilter(Shape):
    state: WatchState | None = None
    source: Text | None = None
    cursor: str | None = None


class EventFilter(Shape):
    type: Text | None = None
    source: Text | None = None
    tag: Text | None = None
    cursor: Annotated[str | None, Field(pattern=CURSOR)] = None


class DeliveryFilter(Shape):
    state: DeliveryState | None = None
    endpoint: Text | None = None
    cursor: str | None = None


class AgingFilter(Shape):
    by: AgingBy = AgingBy.SOURCE
    cursor: str | None = None


class AuditFilter(Shape):
    cursor: str | None = None


class TimelinePlace(Shape):
    cursor: str | None = None
