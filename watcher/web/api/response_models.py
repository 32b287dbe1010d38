"""The shapes of answers: they write answers, and /openapi.json shows them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field, WithJsonSchema

from watcher.described_model import DescribedModel
from watcher.ports import AuditAction, DeliveryState, Outcome, WatchState

COMPONENT = "component"
"""Stands for a reference to a schema without a model: pydantic follows real references, and finds only its own."""

Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Invoice = Annotated[dict[str, object], WithJsonSchema({COMPONENT: "snapshot"})]
Event = Annotated[dict[str, object], WithJsonSchema({COMPONENT: "Event"})]
JsonValue = Annotated[object, WithJsonSchema({})]

_Item = TypeVar("_Item")


class Shape(DescribedModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(StrEnum):
    FILE = "file"
    CLI = "cli"
    API = "api"
    ADDED = "added"
    DISCOVERED = "discovered"


class Watch(Shape):
    """One invoice id tracked at one source."""

    source: str
    invoice_id: str
    tags: list[str]
    due_on: Day | None
    note: str | None
    origins: list[Origin]
    """What wants it watched: watch lists, the command line, the API, people on the page (`added`),
    discovery. It stops when the last is gone."""
    state: WatchState
    last_polled_at: Instant | None
    next_poll_at: Instant | None
    last_error: str | None


class Delivery(Shape):
    """One event on its way to one endpoint."""

    delivery_id: str
    event_id: str
    type: str
    endpoint: str
    source: str | None
    invoice_id: str | None
    state: DeliveryState
    attempts: int
    next_attempt_at: Instant | None
    last_status: int | None
    last_error: str | None


class Endpoint(Shape):
    """One webhook subscriber."""

    name: str
    url: str
    state: Literal["active", "paused", "failing", "disabled", "removed"]
    waiting: int
    """Deliveries that are not in a final state."""


class SourceHints(Shape):
    """How well the hints of a source work."""

    state: Literal["waiting", "working", "stopped"]
    last_at: Instant | None
    share: float | None
    """Of all changes, those that were first seen by a hint."""
    delay: float | None
    """Mean seconds from the provider's time of a change to its poll in the last 30 days, for hints."""
    other_delay: float | None
    """The same without a hint."""
    missing: list[str]
    """Event types that hints used to bring and do not bring any more."""
    outcomes: dict[str, int]
    """Hints that came, by what became of them: accepted, ignored, refused, unreadable, limited, unstored."""


class Source(Shape):
    """One account at a billing provider."""

    name: str
    provider: str
    state: Literal["active", "failing", "disabled", "removed"]
    rate: str | None
    watches: int
    hints: SourceHints | None = None
    """Absent if the source takes none."""


class Replica(Shape):
    """One of the processes that share a PostgreSQL database."""

    name: str
    version: str
    host: str
    pid: int
    started_at: Instant
    heartbeat_at: Instant
    state: Literal["active", "draining", "lost"]
    config: Literal["same", "differs"]
    """Compared with the replica that has run longest."""


class AgingSum(Shape):
    count: int
    due: str
    """The exact sum."""


class Aging(Shape):
    """What is due to or from one source, customer or tag in one currency, by days since it was due.

    Days are local ones at the source. Without a due date nothing is overdue.
    """

    source: str | None
    """Null in a report by tag."""
    customer_id: str | None
    """The source's customer, in a report by customer; null for invoices without one."""
    customer_name: str | None
    tag: str | None
    """In a report by tag; null for invoices without one."""
    direction: Literal["receivable", "payable"]
    currency: str
    unit: Literal["minor"] | None
    """minor: counted in minor units of unknown size."""
    total: AgingSum
    not_due: AgingSum
    days_1_7: AgingSum
    days_8_30: AgingSum
    days_31_60: AgingSum
    days_61_90: AgingSum
    days_over_90: AgingSum


class AuditEntry(Shape):
    """What was changed by API, page or command line, or was refused."""

    at: Instant
    who: str
    """`token:NAME`, `page:NAME`, `loopback` where no token is set, or `cli:USER`."""
    action: AuditAction
    target: str
    """`SOURCE ID` of an invoice, the name of an endpoint, the id of an event or delivery, or a file."""
    outcome: str
    """Begins with a word: done, refused, failed, or begun for what has not ended."""


class Tested(Shape):
    """The result of one `webhook.test`."""

    endpoint: str
    event_id: str
    delivered: bool
    status: int | None
    error: str | None
    detail: str | None
    """What the network said, or where a redirect leads."""
    response: str | None
    """The beginning of the answer's body."""
    milliseconds: int
    explanation: str


class PollRequested(Shape):
    poll_at: Instant
    """When it becomes due; the rate budget decides the exact second."""


class FieldChange(Shape):
    field: str
    before: JsonValue
    after: JsonValue


class SeenSnapshot(Shape):
    version: int
    observed_after: Instant | None
    observed_at: Instant
    invoice: Invoice


class InvoiceHistory(Shape):
    """All that is recorded about one invoice."""

    invoice: Invoice | None
    snapshots: list[SeenSnapshot]
    events: list[Event]
    deliveries: list[Delivery]


class SnapshotEntry(Shape):
    at: Instant
    kind: Literal["snapshot"]
    version: int
    observed_after: Instant | None
    changes: list[FieldChange]
    """What differs from the snapshot before."""
    invoice: Invoice


class EventEntry(Shape):
    at: Instant
    kind: Literal["event"]
    event: Event
    deliveries: list[Delivery]


class AttemptEntry(Shape):
    at: Instant
    kind: Literal["attempt"]
    delivery_id: str
    event_id: str
    endpoint: str
    number: int
    outcome: Outcome
    status: int | None
    error: str | None
    response: str | None
    """The beginning of what the endpoint answered."""
    milliseconds: int


TimelineEntry = Annotated[SnapshotEntry | EventEntry | AttemptEntry, Field(discriminator="kind")]


class Page(Shape, Generic[_Item]):
    items: Sequence[_Item]
    next: str | None
    """The `cursor` of the next page; null at the end."""


class WatchPage(Page[Watch]):
    """Watches by source and invoice id."""


class InvoicePage(Page[Invoice]):
    """The last snapshots, by source and invoice id, or as `sort` says."""


class TimelinePage(Page[TimelineEntry]):
    """What happened to one invoice, oldest first."""


class EventPage(Page[Event]):
    """Events in the order of their cursors: none ever appears at or below a cursor that you have."""


class DeliveryPage(Page[Delivery]):
    """Deliveries, oldest first."""


class EndpointPage(Page[Endpoint]):
    """Endpoints by name."""


class SourcePage(Page[Source]):
    """Sources by name."""


class ReplicaPage(Page[Replica]):
    """Replicas by name; none with SQLite."""


class AgingPage(Page[Aging]):
    """Rows by source and customer, or by tag; then by direction and currency."""


class AuditPage(Page[AuditEntry]):
    """The audit trail, newest first."""
