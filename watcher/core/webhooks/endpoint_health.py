"""The health of an endpoint: when only probes are sent to it, and when it is disabled.

Closed: everything is sent. Open (`probe_at` is set): only one delivery at a time is sent, as a probe. Disabled: nothing
is sent, except to an endpoint that was disabled for failing: it is still probed and recovers by itself.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from watcher.core.invoices.event import EventType

OPENS_AFTER = 10
"""Failures in a row that open the breaker.

By default this many attempts may be in progress at once, so that a receiver that is down costs one round of them. With
fewer, a single bad backend behind a load balancer would stop an endpoint that mostly answers: if one request in two
fails, ten failures in a row are one case in a thousand.
"""

FIRST_PROBE_AFTER = timedelta(seconds=30)
LONGEST_BETWEEN_PROBES = timedelta(hours=1)
LEAST_OF_SPACING = 0.8
"""Jitter only shortens an interval, so that the longest interval is exact."""

DISABLED_AFTER = timedelta(days=5)

FORGOTTEN_AFTER = timedelta(days=2)
"""Failures further apart than this do not count as a row: the longest wait of the default schedule is 28.8 hours."""


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
    """`failed_lane` is the invoice whose delivery failed last.

    `disabled_since` is set from `endpoint.disabled` to the next success.
    """

    disabled: str | None = None
    failures: int = 0
    failed_lane: int | None = None
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    probe_at: datetime | None = None
    probes: int = 0
    disabled_since: datetime | None = None

    @property
    def takes_all(self) -> bool:
        return self.disabled is None and self.probe_at is None


@dataclass(frozen=True, slots=True)
class EndpointFact:
    """An event to send to the other endpoints."""

    type: EventType
    reason: str
    since: datetime


Next = tuple[Health, EndpointFact | None]


def after(health: Health, answer: Answer, *, lane: int, at: datetime, probe: bool, jitter: float) -> Next:
    """The endpoint's health after one receipt.

    `lane` identifies the invoice. Failures in a row of one invoice count once, so that a single invoice that the
    receiver cannot process never opens the breaker for the others. `probe`: this was the one delivery that an open
    breaker sends.
    """
    if health.disabled is not None and health.disabled != Reason.FAILING:
        # An operator disabled it: an attempt that was in progress at that moment does not change that.
        return health, None
    match answer:
        case Answer.ACCEPTED:
            return Health(), _recovery(health)
        case Answer.GONE:
            return disable(health, Reason.GONE, at)
        case Answer.FAILED:
            return _failed(health, lane, at, probe=probe, jitter=jitter)


def disable(health: Health, reason: str, at: datetime) -> Next:
    """Send nothing from now on. An event is recorded unless it was disabled already."""
    stopped = replace(health, disabled=reason, probe_at=None, probes=0)
    if health.disabled is not None:
        return stopped, None
    return replace(stopped, disabled_since=at), EndpointFact(EventType.ENDPOINT_DISABLED, reason, at)


def enable(health: Health) -> Health:
    """Send everything again. The event that it works is recorded after the first success."""
    return Health(disabled_since=health.disabled_since)


def spacing(probes: int, jitter: float) -> timedelta:
    """The interval before the next probe, after this many failed."""
    longest = min(FIRST_PROBE_AFTER * 2 ** min(probes, 20), LONGEST_BETWEEN_PROBES)
    return longest * (LEAST_OF_SPACING + (1 - LEAST_OF_SPACING) * jitter)


def _recovery(health: Health) -> EndpointFact | None:
    if health.disabled_since is None:
        return None
    return EndpointFact(EventType.ENDPOINT_RECOVERED, RECOVERED, health.disabled_since)


def _failed(health: Health, lane: int, at: datetime, *, probe: bool, jitter: float) -> Next:
    row = _reset(health) if _is_over(health, at) else health
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
        row, disabled=Reason.FAILING, disabled_since=since, probe_at=row.probe_at or at + spacing(row.probes, jitter)
    )
    return given_up, EndpointFact(EventType.ENDPOINT_DISABLED, Reason.FAILING, since)


def _is_over(health: Health, at: datetime) -> bool:
    return health.failed_at is not None and at - health.failed_at > FORGOTTEN_AFTER


def _reset(health: Health) -> Health:
    """Starts the count of failures again. An open breaker stays open: only a success closes it."""
    return replace(health, failures=0, failed_lane=None, failing_since=None, failed_at=None)
