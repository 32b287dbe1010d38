"""How an endpoint is doing: when only probes are sent to it, and when it is given up.

Closed: everything is sent. Open (`probe_at` is set): nothing is sent but one delivery at a time as a probe. Disabled:
nothing is sent at all, except to an endpoint that was given up for failing, which is probed on and recovers by itself.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from watcher.core.invoices.event import EventType

OPENS_AFTER = 10
"""Failures in a row that open the breaker.

So many attempts may be under way at once by default: a receiver that is down costs one round of them. Fewer would let
a load balancer's single bad backend stop an endpoint that mostly answers: at one failure in two, ten in a row are one
in a thousand.
"""

FIRST_PROBE_AFTER = timedelta(seconds=30)
LONGEST_BETWEEN_PROBES = timedelta(hours=1)
LEAST_OF_SPACING = 0.8
"""Jitter only ever shortens, so that the longest spacing is what it says."""

DISABLED_AFTER = timedelta(days=5)

FORGOTTEN_AFTER = timedelta(days=2)
"""Failures further apart than this are no row: the longest wait of the usual schedule is 28.8 hours."""


class Reason(StrEnum):
    """Why an endpoint is disabled. Only `FAILING` ends by itself."""

    GONE = "gone"
    FAILING = "failing"
    OPERATOR = "operator"


RECOVERED = "answers again"


class Answer(StrEnum):
    """What a receipt says about the endpoint. A request that never left this machine says nothing."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Health:
    """`failed_lane` is whose delivery failed last. `told_since` is set from `endpoint.disabled` to the next success."""

    disabled: str | None = None
    failures: int = 0
    failed_lane: int | None = None
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    probe_at: datetime | None = None
    probes: int = 0
    told_since: datetime | None = None

    @property
    def takes_all(self) -> bool:
        return self.disabled is None and self.probe_at is None


@dataclass(frozen=True, slots=True)
class EndpointFact:
    """Something to tell the other endpoints."""

    type: EventType
    reason: str
    since: datetime


Next = tuple[Health, EndpointFact | None]


def after(health: Health, answer: Answer, *, lane: int, at: datetime, probe: bool, jitter: float) -> Next:
    """The endpoint's health after one receipt.

    `lane` tells invoices apart: failures of one invoice in a row count once, so that one that the receiver cannot
    digest never closes the door to the others. `probe`: this was the one delivery an open breaker lets through.
    """
    if health.disabled is not None and health.disabled != Reason.FAILING:
        # Somebody said stop: what was under way at that moment does not overrule it.
        return health, None
    match answer:
        case Answer.ACCEPTED:
            return Health(), _recovery(health)
        case Answer.GONE:
            return disable(health, Reason.GONE, at)
        case Answer.FAILED:
            return _failed(health, lane, at, probe=probe, jitter=jitter)


def disable(health: Health, reason: str, at: datetime) -> Next:
    """Send nothing from now on. Told unless it was disabled already."""
    stopped = replace(health, disabled=reason, probe_at=None, probes=0)
    if health.disabled is not None:
        return stopped, None
    return replace(stopped, told_since=at), EndpointFact(EventType.ENDPOINT_DISABLED, reason, at)


def enable(health: Health) -> Health:
    """Send everything again. That it works is told when something has arrived."""
    return Health(told_since=health.told_since)


def spacing(probes: int, jitter: float) -> timedelta:
    """The wait before the next probe, when so many have failed."""
    longest = min(FIRST_PROBE_AFTER * 2 ** min(probes, 20), LONGEST_BETWEEN_PROBES)
    return longest * (LEAST_OF_SPACING + (1 - LEAST_OF_SPACING) * jitter)


def _recovery(health: Health) -> EndpointFact | None:
    if health.told_since is None:
        return None
    return EndpointFact(EventType.ENDPOINT_RECOVERED, RECOVERED, health.told_since)


def _failed(health: Health, lane: int, at: datetime, *, probe: bool, jitter: float) -> Next:
    row = _begun_again(health) if _is_over(health, at) else health
    since = row.failing_since or at
    row = replace(
        row,
        failures=row.failures + (lane != row.failed_lane),
        failed_lane=lane,
        failing_since=since,
        failed_at=max(at, row.failed_at or at),
    )
    if row.probe_at is not None:
        if not probe:
            return row, None
        row = replace(row, probes=row.probes + 1, probe_at=at + spacing(row.probes + 1, jitter))
    elif row.failures >= OPENS_AFTER:
        row = replace(row, probes=0, probe_at=at + spacing(0, jitter))
    if row.disabled is not None or at - since < DISABLED_AFTER:
        return row, None
    given_up = replace(
        row, disabled=Reason.FAILING, told_since=since, probe_at=row.probe_at or at + spacing(row.probes, jitter)
    )
    return given_up, EndpointFact(EventType.ENDPOINT_DISABLED, Reason.FAILING, since)


def _is_over(health: Health, at: datetime) -> bool:
    return health.failed_at is not None and at - health.failed_at > FORGOTTEN_AFTER


def _begun_again(health: Health) -> Health:
    """The row of failures is over; an open breaker stays open, for only a success proves anything."""
    return replace(health, failures=0, failed_lane=None, failing_since=None, failed_at=None)
