"""The providers' traps, each with its own switch, and faults that any provider may have.

Defaults are what the current hosted service answers. Replace a provider's traps as a whole: `sandbox.traps.meteroid =
SELF_HOSTED_METEROID`; the next answer follows them.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Generation(StrEnum):
    """Fragment's three wire shapes, oldest first."""

    G1 = "camel case, a status word, no balances"
    G2 = "camel case with balances"
    G3 = "snake case with payments"


@dataclass(frozen=True, slots=True)
class FragmentTraps:
    generation: Generation = Generation.G3
    batch_get_absent: bool = False
    """An older deployment: 404 on batch-get."""
    token_lifetime: timedelta = timedelta(hours=1)
    expires_in_absent: bool = False


@dataclass(frozen=True, slots=True)
class MeteroidTraps:
    pascal_case: bool = False
    """`PartiallyPaid` instead of `PARTIALLY_PAID`, in the `statuses` filter too."""
    naive_times: bool = False
    missing_is_500: bool = False
    hides_reversals: bool = False
    """Refunds and reversals only show in `amount_due` and `payment_status`."""
    cloud_fields: bool = True
    closed: frozenset[str] = frozenset()
    """Ids whose status is the undocumented CLOSED."""


SELF_HOSTED_METEROID = MeteroidTraps(naive_times=True, missing_is_500=True, hides_reversals=True, cloud_fields=False)
OLD_METEROID = MeteroidTraps(
    pascal_case=True, naive_times=True, missing_is_500=True, hides_reversals=True, cloud_fields=False
)


@dataclass(frozen=True, slots=True)
class DollrTraps:
    whole_totals: bool = False
    """Totals without a fraction are sent as integers: 250, not 250.00."""
    detail_as_list: bool = False
    """Every refusal has `detail` as a list, as 422 always does."""
    anonymous_is_403: bool = False
    """Older servers answer 403 if the Authorization header is missing."""
    naive_times: bool = False
    token_lifetime: timedelta = timedelta(hours=1)
    """In minutes, rounded up."""


class RapydDeletion(StrEnum):
    GONE = "ERROR_GET_INVOICE"
    DELETED = "deleted"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class RapydTraps:
    foreign_ids: frozenset[str] = frozenset()
    """Answered with 401 UNAUTHORIZED_API_CALL although the credentials are right."""
    deletion: RapydDeletion = RapydDeletion.GONE
    """What a GET of a deleted invoice answers."""
    requests_per_five_minutes: int | None = None
    """Above it, the firewall answers 429 with HTML for five minutes, whatever is asked."""
    float_noise: bool = False


@dataclass(frozen=True, slots=True)
class ChargeOverTraps:
    timezone: str = "America/Chicago"
    naive_times: bool = False
    """Local times without an offset: `2026-11-22 10:16:43`."""
    text_ids_in_lists: bool = False
    empty_details_as_list: bool = False
    float_noise: bool = False


@dataclass(frozen=True, slots=True)
class StripeTraps:
    restless: bool = False
    """Links are different in every answer; otherwise they last an hour."""
    requests_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class LagoTraps:
    totals_only: bool = False
    """An older server: neither what is paid nor what is due, so that a part that was paid does not show."""
    restless: bool = False
    """Links are different in every answer, and `updated_at` is always now."""
    requests_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class ChargebeeTraps:
    restless: bool = False
    """`updated_at` and `resource_version` are always now."""
    rows_at_most: int = 100
    """Pages are shorter than they were asked for, and not the last."""
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class HintTraps:
    """What is wrong with the webhooks of all providers."""

    never: bool = False
    delay: timedelta = timedelta()
    """From the change to its webhook, which is signed when it is sent."""
    twice: bool = False
    """The same bytes again, with the same id and time."""
    out_of_order: bool = False
    """Each waits up to a second for another one: if that is about the same invoice, it is sent first."""
    forged: bool = False
    """Signed with secrets that nobody knows."""


@dataclass(slots=True)
class Traps:
    fragment: FragmentTraps = FragmentTraps()
    meteroid: MeteroidTraps = MeteroidTraps()
    dollr: DollrTraps = DollrTraps()
    rapyd: RapydTraps = RapydTraps()
    chargeover: ChargeOverTraps = ChargeOverTraps()
    stripe: StripeTraps = StripeTraps()
    lago: LagoTraps = LagoTraps()
    chargebee: ChargebeeTraps = ChargebeeTraps()
    hints: HintTraps = HintTraps()
    date_skew: timedelta = timedelta()
    """How far the servers' `Date` headers are ahead of the sandbox's clock."""


class FaultKind(StrEnum):
    SERVER_ERROR = "server_error"
    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    GARBAGE = "garbage"
    """200 with half a JSON document."""
    HTML = "html"
    """200 with a page of some proxy."""
    SLOW = "slow"
    """The right answer after `delay`."""
    DISCONNECT = "disconnect"
    """No answer at all. aiohttp's client repeats the request once by itself, and that takes a fault too."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What one request gets instead of its answer."""

    kind: FaultKind
    retry_after: str | None = None
    delay: timedelta = timedelta()
