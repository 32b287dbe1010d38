"""What an adapter file says, after all of it has been checked. Made by `config/adapters`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from watcher.core.invoices.invoice import Status
from watcher.providers.adapter_file.paths import Path, PathTree
from watcher.providers.adapter_file.selection import Selection
from watcher.providers.adapter_file.values import Condition, Value


@dataclass(frozen=True, slots=True)
class FromCredential:
    """A header's value that is a secret of the source."""

    name: str


@dataclass(frozen=True, slots=True)
class FromOption:
    """A parameter or header whose value is a plain key of the source."""

    name: str


ANY_WORD = "*"
"""In a pattern of words."""
Plain = str | FromOption
Query = tuple[tuple[str, Plain], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """`path` begins with a slash, is percent-encoded, and may contain `{id}`."""

    path: str
    query: Query = ()


class AuthType(StrEnum):
    NONE = "none"
    BEARER = "bearer"
    BASIC = "basic"
    HEADER = "header"
    OAUTH2 = "oauth2"


class TokenFormat(StrEnum):
    BASIC = "basic"
    FORM = "form"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Auth:
    """Every part is the name of a credential; an empty one means nothing is sent there."""

    type: AuthType
    token: str = ""
    user: str = ""
    password: str = ""
    header: str = ""
    client_id: str = ""
    client_secret: str = ""
    token_url: str = ""
    """A path below the base URL, or empty if the source's option `token_url` has it."""
    send: TokenFormat = TokenFormat.BASIC
    scope: str = ""
    unit: timedelta = timedelta(seconds=1)
    lifetime: timedelta = timedelta(hours=1)
    renew: timedelta = timedelta(minutes=1)


class Meaning(StrEnum):
    GONE = "gone"
    REFUSED = "refused"
    CREDENTIALS = "credentials"
    BACK_OFF = "back_off"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """An answer with one of these statuses, about which `where` is true, has this meaning."""

    statuses: frozenset[int]
    meaning: Meaning
    where: Condition | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """How answers are told apart: the first rule that fits, else what the status says."""

    rules: tuple[AnswerRule, ...] = ()
    code: Selection | None = None
    message: Selection | None = None
    back_off: timedelta | None = None


@dataclass(frozen=True, slots=True)
class InvoiceSpec:
    """The request by id, and what its document's fingerprint leaves out.

    `document` and every path are keys. `kept` is part of the fingerprint although something around it is volatile.
    `differs` is a field whose text is different in each answer.
    """

    request: Request
    document: Path
    id: str
    volatile: PathTree = field(default_factory=dict[str, PathTree])
    unordered: PathTree = field(default_factory=dict[str, PathTree])
    kept: PathTree = field(default_factory=dict[str, PathTree])
    differs: str | None = None


class PageKind(StrEnum):
    NONE = "none"
    NUMBER = "number"
    OFFSET = "offset"
    CURSOR = "cursor"
    AFTER_ID = "after_id"


@dataclass(frozen=True, slots=True)
class Pages:
    """`next` selects the next cursor, `more` is whether more follows: without it, a full page does."""

    by: PageKind
    parameter: str = ""
    size_parameter: str = ""
    size: int = 100
    first: int = 1
    next: Selection | None = None
    more: Condition | None = None


class TimeFormat(StrEnum):
    ISO = "iso"
    LOCAL = "local"
    UNIX = "unix"
    UNIX_MS = "unix_ms"


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """How the list is asked for what changed since an instant; `query` then replaces that of the list."""

    parameter: str
    times: TimeFormat
    query: Query
    overlap: timedelta


@dataclass(frozen=True, slots=True)
class ListSpec:
    """`rows` is where the rows are, `row` where a row has its document. `each` reads the list once per value."""

    request: Request
    rows: tuple[str, ...]
    row: tuple[str, ...]
    pages: Pages
    is_whole: bool
    omits: frozenset[str]
    is_omitted_when_empty: bool = False
    each: tuple[str, tuple[str, ...]] | None = None
    total: Selection | None = None
    changed_at: Selection | None = None
    changed_since: ChangedSince | None = None


class IdFormat(StrEnum):
    COMMAS = "commas"
    REPEATED = "repeated"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class BatchSpec:
    request: Request
    size: int
    parameter: str
    format: IdFormat
    rows: tuple[str, ...]
    row: tuple[str, ...]


class MoneyUnit(StrEnum):
    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class StatusMap:
    """Words of the provider, each a pattern of word keys (`*` is any word), and what they mean.

    None means that the balance decides: open while something is due, else paid.
    """

    words: tuple[Selection, ...]
    meanings: Mapping[tuple[str, ...], Status | None]
    screaming: bool = False
    is_exact: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_exact", not any(ANY_WORD in pattern for pattern in self.meanings))


@dataclass(frozen=True, slots=True)
class AmountsMap:
    currency: Selection
    unit: MoneyUnit
    values: Mapping[str, Value]
    named: Mapping[str, Value] = field(default_factory=dict[str, Value])


@dataclass(frozen=True, slots=True)
class InvoiceMap:
    """The map to an `Invoice`. `texts` and `instants` are by the name of its field."""

    status: StatusMap
    amounts: AmountsMap
    times: TimeFormat
    texts: Mapping[str, Selection]
    instants: Mapping[str, Selection]
    issued_on: Selection | None = None
    due_on: Selection | None = None
    due_at: Selection | None = None
    payment_pending: Condition | None = None
    failed_attempts: Value | None = None
    line_count: Value | None = None
    revision: tuple[Selection, ...] = ()
    version: Selection | None = None
    failed_between: tuple[str, str] | None = None
    """A payment failed if the provider's word was the first before and is the second now."""


class HintType(StrEnum):
    STANDARD_WEBHOOKS = "standard_webhooks"
    HMAC = "hmac"
    TIMESTAMPED_HMAC = "timestamped_hmac"
    KEY = "key"
    BASIC = "basic"


class HmacEncoding(StrEnum):
    BASE64 = "base64"
    HEX = "hex"


class HmacOver(StrEnum):
    BODY = "body"
    URL_AND_BODY = "url_and_body"


@dataclass(frozen=True, slots=True)
class HintSpec:
    """The provider's webhooks. `header` has the signature or key, where `type` does not say which one.

    `ids` select what may be the id of an invoice; without `prefix` it is none. A body about which `where` is false
    names no invoice.
    """

    type: HintType
    ids: tuple[Selection, ...]
    header: str = ""
    encoding: HmacEncoding = HmacEncoding.BASE64
    over: HmacOver = HmacOver.BODY
    where: Condition | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class AdapterSpec:
    """One adapter file. Specs of the same text are equal: a reload keeps what runs by an unchanged file."""

    name: str
    digest: bytes
    base_url: str | None = field(compare=False)
    rate: float = field(compare=False)
    timezone: str = field(compare=False)
    credentials: tuple[str, ...] = field(compare=False)
    options: Mapping[str, str] = field(compare=False)
    urls: Mapping[str, str] = field(compare=False)
    headers: tuple[tuple[str, str | FromCredential | FromOption], ...] = field(compare=False)
    auth: Auth = field(compare=False)
    answers: Answers = field(compare=False)
    invoice: InvoiceSpec = field(compare=False)
    probe: Request = field(compare=False)
    map: InvoiceMap = field(compare=False)
    list: ListSpec | None = field(default=None, compare=False)
    batch: BatchSpec | None = field(default=None, compare=False)
    hints: HintSpec | None = field(default=None, compare=False)
