"""The filters that the forms of the page offer."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from watcher.core.invoices.invoice import Status
from watcher.ports import AgingBy, DeliveryState, WatchState
from watcher.web.api.request_models import CURSOR, LONGEST_SEARCH, Text, flag
from watcher.web.api.response_models import Shape


class InvoiceFilter(Shape):
    search: Annotated[Text | None, Field(max_length=LONGEST_SEARCH)] = None
    status: Status | None = None
    overdue: Annotated[bool | None, BeforeValidator(flag)] = None
    source: Text | None = None
    tag: Text | None = None
    cursor: str | None = None


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
