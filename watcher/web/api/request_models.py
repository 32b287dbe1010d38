"""The shapes of requests: they validate requests, and /openapi.json shows them."""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from watcher.core.invoices.invoice import Status
from watcher.ports import AgingBy, DeliveryState, InvoiceSort, WatchState
from watcher.web.api.response_models import Shape

LONGEST_ID = 255
LONGEST_NOTE = 1000
LONGEST_TAG = 64
MOST_TAGS = 20
MOST_ITEMS = 500
LONGEST_WAIT = 60
LONGEST_SEARCH = 200
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
CURSOR = r"^[0-9]{1,18}$"
PLACE = r"^([0-9]{1,18}\.)?[0-9]{1,18}$"
"""A cursor, or the `next` of a reader that began at the beginning."""
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _digits(value: object) -> object:
    """Query parameters are text: of the many ways to write a number only plain digits are accepted."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < LONGEST_TAG):
        raise ValueError("is not a whole number")
    return value


def flag(value: object) -> object:
    if value not in {"true", "false"}:
        raise ValueError("must be true or false")
    return value == "true"


def _iso_day(value: object) -> object:
    if value is None or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("is not a day such as 2026-12-01")


def _instant(value: object) -> object:
    if value is None:
        return None
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("is not an instant such as 2026-11-22T10:00:00Z")
    return datetime.fromisoformat(value.upper()).astimezone(UTC)


def _not_dots(text: str) -> str:
    if text in {".", ".."}:
        raise ValueError("must not be . or ..")
    return text


def _storable(text: str) -> str:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("is not Unicode text")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Limit = Annotated[int, Field(ge=1, le=MOST_ITEMS), BeforeValidator(_digits)]
InvoiceId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_ID,
        pattern=_PRINTABLE,
        json_schema_extra={"not": {"enum": [".", ".."]}},
    ),
    AfterValidator(_storable),
    AfterValidator(_not_dots),
]
Tag = Annotated[str, Field(min_length=1, max_length=LONGEST_TAG, pattern=_PRINTABLE), AfterValidator(_storable)]
Note = Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(_storable)]


class Nothing(Shape):
    """No parameter, no body."""


class Paged(Shape):
    limit: Limit = 100
    """At most this many items."""
    cursor: str | None = None
    """`next` of the page before."""


class File(Shape):
    """Of a list as a file: all of it, if nothing else is asked for."""

    limit: Annotated[int | None, Field(ge=1), BeforeValidator(_digits)] = None
    """At most this many items."""
    bom: Annotated[bool, BeforeValidator(flag)] = False
    """Begin with a byte order mark, by which Excel knows UTF-8."""


class WatchFields(Shape):
    source: Text | None = None
    """Only those of this source."""
    state: WatchState | None = None
    tag: Text | None = None
    """Only those with this tag."""


class WatchChoice(Paged, WatchFields):
    pass


class WatchFile(File, WatchFields):
    pass


class Order(StrEnum):
    ASC = "asc"
    DESC = "desc"


class InvoiceFields(Shape):
    source: Text | None = None
    """Only those of this source."""
    status: Status | None = None
    overdue: Annotated[bool | None, BeforeValidator(flag)] = None
    """Only those that are overdue (true) or not overdue (false)."""
    tag: Text | None = None
    """Only those with this tag."""
    search: Annotated[Text | None, Field(max_length=LONGEST_SEARCH)] = None
    """Only those whose id or number contains this, in upper or lower case."""
    customer: Text | None = None
    """Only those of the customer with this id, or with this name."""
    currency: Text | None = None
    """Only those with an amount in this currency."""
    sort: InvoiceSort = InvoiceSort.ID
    """id: by source and id. due_date. amount_due: within one currency, its first or the one in `currency`. age: since
    the issue date, or since the provider has it if it gives none. last_change: when the last snapshot was first seen.
    Invoices without such a value come last.
    """
    order: Order = Order.ASC
    """asc: earliest, least or youngest first; desc: the other way round."""


class InvoiceChoice(Paged, InvoiceFields):
    pass


class InvoiceFile(File, InvoiceFields):
    pass


class EventChoice(Shape):
    type: Text | None = None
    """Only events of these types: `*` and `?` are wildcards, as in `invoice.*`."""
    source: Text | None = None
    """Only events of this source."""
    tag: Text | None = None
    """Only events of invoices with this tag."""


class EventsAfter(EventChoice):
    after: Annotated[str | None, Field(pattern=PLACE)] = None
    """The `cursor` of the last event you have; without it, from the beginning."""
    cursor: Annotated[str | None, Field(pattern=PLACE)] = None
    """The same, under its name in other lists; `after` takes precedence."""
    limit: Limit = 100
    """At most this many events."""
    wait: Annotated[int, Field(ge=0, le=LONGEST_WAIT), BeforeValidator(_digits)] = 0
    """Seconds to wait for an event if there is none yet."""


class StreamFrom(EventChoice):
    after: Annotated[str | None, Field(pattern=CURSOR)] = None
    """The `cursor` of the last event you have; a `Last-Event-ID` header takes precedence; without both, only new
    events.
    """


class EventFile(File, EventChoice):
    after: Annotated[str | None, Field(pattern=PLACE)] = None
    """The `cursor` of the last event you have; without it, from the beginning."""


class DeliveryFields(Shape):
    state: DeliveryState | None = None
    endpoint: Text | None = None
    """Only those to this endpoint."""


class DeliveryChoice(Paged, DeliveryFields):
    pass


class DeliveryFile(File, DeliveryFields):
    pass


class AgingFields(Shape):
    by: AgingBy = AgingBy.SOURCE
    """What the rows are for. A customer is one of one source; an invoice counts for each of its tags."""


class AgingChoice(Paged, AgingFields):
    pass


class AgingFile(File, AgingFields):
    pass


class CustomerFields(Shape):
    search: Annotated[Text | None, Field(max_length=LONGEST_SEARCH)] = None
    """Only those whose id or name contains this, in upper or lower case."""


class CustomerChoice(Paged, CustomerFields):
    pass


class CustomerFile(File, CustomerFields):
    pass


class ReportFields(Shape):
    source: Text | None = None
    """Only invoices of this source."""


class ReportChoice(Paged, ReportFields):
    pass


class ReportFile(File, ReportFields):
    pass


class AuditFields(Shape):
    since: Annotated[
        datetime | None,
        BeforeValidator(_instant),
        WithJsonSchema({"type": "string", "format": "date-time"}),
    ] = None
    """Only what was done at or after this instant."""


class AuditChoice(Paged, AuditFields):
    pass


class AuditFile(File, AuditFields):
    pass


class WatchChanges(Shape):
    """What is absent stays as it is."""

    tags: Annotated[tuple[Tag, ...], Field(max_length=MOST_TAGS)] = ()
    """All tags that the watch has by hand; an empty list takes them away."""
    note: Note | None = None
    """Free text for people; null takes it away."""


class NewWatch(Shape):
    source: Text
    """A configured source."""
    invoice_id: InvoiceId
    """The invoice's id at that provider."""
    tags: Annotated[tuple[Tag, ...], Field(max_length=MOST_TAGS)] = ()
    due_on: Annotated[
        date | None,
        BeforeValidator(_iso_day),
        WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}),
    ] = None
    """Its due date, if the provider gives none."""
    note: Note | None = None
    """Free text for people."""
