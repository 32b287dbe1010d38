"""The tables of an adapter file: each field is one key with its default.

Values and conditions are read by `expressions`, which knows the lines of their parts.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from watcher.config.adapters.field_types import (
    FewFields,
    FewSelects,
    HeaderPlain,
    InvoicePath,
    Key,
    Keys,
    Parameters,
    Raw,
    RawCondition,
    ReceivedHeader,
    RequestPath,
    Select,
    at_most,
)
from watcher.config.settings import Settings
from watcher.config.values.types import (
    Duration,
    Flag,
    HeaderName,
    Period,
    ProviderUrl,
    Rate,
    Text,
    Whole,
    Zone,
    between,
)
from watcher.providers.adapter_file.spec import (
    AuthType,
    HintType,
    HmacEncoding,
    HmacOver,
    IdFormat,
    Meaning,
    MoneyUnit,
    PageKind,
    TimeFormat,
    TokenFormat,
)

BY_BALANCE = "by_balance"
_MOST_ROWS = 1000
_LARGEST_BATCH = 200
_MOST_WORDS = 200
Size = Annotated[Whole, AfterValidator(between(1, _MOST_ROWS))]
Meant = Literal["draft", "open", "paid", "void", "uncollectible", "deleted", "by_balance"]


class HttpTable(Settings):
    base_url: ProviderUrl | None = None
    """Absent: every source says its own."""
    headers: Mapping[HeaderName, HeaderPlain] = Field(default_factory=dict[str, object])
    options: Mapping[Key, Text] = Field(default_factory=dict[str, str])
    """Plain keys of a source, with their defaults."""
    rate: Rate = 1.0
    timezone: Zone = ZoneInfo("UTC")
    back_off: Duration | None = None
    """The wait after an answer that means back_off and says no Retry-After."""


class AuthTable(Settings):
    """Which keys apply follows from `type`; each of them but `header` names a credential."""

    type: AuthType
    token: Key | None = None
    user: Key | None = None
    password: Key | None = None
    header: HeaderName | None = None
    token_url: Text | None = None
    """A path below the base URL, or a URL, which a source may replace."""
    client_id: Key | None = None
    client_secret: Key | None = None
    send: TokenFormat | None = None
    scope: Text | None = None
    unit: Literal["s", "m"] | None = None
    """Of `expires_in` in the answer."""
    lifetime: Period | None = None
    renew: Duration | None = None


class AnswerTable(Settings):
    status: tuple[Annotated[Whole, AfterValidator(between(200, 599))], ...]
    where: RawCondition = None
    means: Meaning


class RefusalTable(Settings):
    code: Select | None = None
    message: Select | None = None


class InvoiceTable(Settings):
    path: InvoicePath
    query: Parameters = ()
    document: Keys = ()
    id: Text = "id"
    volatile: FewFields = ()
    unordered: FewFields = ()
    kept: FewFields = ()
    differs: Text | None = None


class ProbeTable(Settings):
    path: RequestPath
    query: Parameters = ()


class PagesTable(Settings):
    by: PageKind
    parameter: Text = ""
    size_parameter: Text = ""
    size: Size = 100
    first: Annotated[Whole, AfterValidator(between(0, 1))] | None = None
    next: Select | None = None
    more: RawCondition = None


class EachTable(Settings):
    parameter: Text
    values: Annotated[tuple[Text, ...], AfterValidator(at_most(_MOST_WORDS))]


class ChangedSinceTable(Settings):
    parameter: Text
    times: TimeFormat
    query: Parameters = ()
    overlap: Duration = timedelta(0)


class ListTable(Settings):
    path: RequestPath
    query: Parameters = ()
    rows: Keys
    row: Keys = ()
    omitted_when_empty: Flag = False
    """The answer has no field for the rows if there are none."""
    whole: Flag = True
    omits: tuple[Text, ...] = ()
    total: Select | None = None
    changed_at: Select | None = None
    pages: Raw = None
    each: Raw = None
    changed_since: Raw = None


class BatchTable(Settings):
    path: RequestPath
    query: Parameters = ()
    size: Annotated[Whole, AfterValidator(between(2, _LARGEST_BATCH))]
    parameter: Text
    format: IdFormat
    rows: Keys
    row: Keys = ()


class HintsTable(Settings):
    """Which keys apply follows from `type`."""

    type: HintType
    header: ReceivedHeader | None = None
    """Where the signature or the key is."""
    encoding: HmacEncoding | None = None
    over: HmacOver | None = None
    """What is signed."""
    ids: FewSelects
    """What may be the id of an invoice, or a list of them."""
    prefix: Text = ""
    """Of the ids of invoices."""
    where: RawCondition = None
    """True for the webhooks that name invoices."""


class StatusTable(Settings):
    of: FewSelects
    words: Annotated[Mapping[Text, Meant], AfterValidator(at_most(_MOST_WORDS))]
    spelling: Literal["as_sent", "screaming_snake"] = "as_sent"


class AmountsTable(Settings):
    currency: Select
    unit: MoneyUnit
    total: Raw
    paid: Raw
    due: Raw
    credited: Raw = 0
    refunded: Raw = 0
    written_off: Raw = 0


class FailedBetweenTable(Settings):
    before: Text
    now: Text


class MapTable(Settings):
    times: TimeFormat = TimeFormat.ISO
    status: Raw
    amounts: Raw
    values: Raw = None
    absent: Mapping[Text, Text] = Field(default_factory=dict[str, str])
    """Why the provider does not show a field, for readers."""
    number: Select | None = None
    issued_on: Select | None = None
    due_on: Select | None = None
    due_at: Select | None = None
    created_at: Select | None = None
    finalized_at: Select | None = None
    paid_at: Select | None = None
    voided_at: Select | None = None
    uncollectible_at: Select | None = None
    customer_id: Select | None = None
    customer_name: Select | None = None
    last_payment_error: Select | None = None
    url: Select | None = None
    payment_pending: RawCondition = None
    failed_attempts: Raw = None
    line_count: Raw = None
    revision: FewSelects | None = None
    version: Select | None = None
    failed_between: Raw = None


class ExampleTable(Settings):
    """An answer of the provider and what has to become of it: a snapshot (`expect`), or a meaning (`means`).

    With `ids` it is the body of a webhook, which has to name these invoices.
    """

    name: Text
    answer: Text
    status: Annotated[Whole, AfterValidator(between(200, 599))] = 200
    means: Meaning | None = None
    before: Text | None = None
    """The answer of an earlier poll, for what only a change shows."""
    ids: tuple[Text, ...] | None = None
    expect: Mapping[str, object] | None = None


TEXTS = ("number", "customer_id", "customer_name", "last_payment_error", "url")
INSTANTS = ("created_at", "finalized_at", "paid_at", "voided_at", "uncollectible_at")
AMOUNTS = ("total", "paid", "due", "credited", "refunded", "written_off")
ABSENT = (
    "number",
    "payment_pending",
    "failed_attempts",
    "last_payment_error",
    *AMOUNTS[3:],
    "issued_on",
    "due_on",
    *INSTANTS[:-1],
    "customer_id",
    "customer_name",
    "line_count",
    "url",
)
"""What a map may leave out, in the order of a snapshot."""
