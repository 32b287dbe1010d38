"""How likely an invoice is to change, by the time before or after its due instant. It is learned from polls.

The next poll of an invoice comes at the t with √w · ∫ √h(u - due) du = κ, the integral running from now to t. So an
invoice that is four times as likely to change is polled twice as often (Barlow, Hunter & Proschan 1963; Keller 1974).
The hazard h is constant within a stage, so that the integral and its inverse are sums.

Floats are fine here: nothing in this module is money. Hazards are changes a day.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf, sqrt

from watcher.core.value_object import value_object

DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EDGES = (-45, -30, -21, *range(-14, 17), 20, 25, 30, 40, 60, 90)
"""Days after the due instant at which one stage ends and the next begins; single days where most changes happen."""
_PHASE_EDGES = (-14, -1, 0, 16)
"""Where a stage has too little data its phase is used: long before, before, the due day, after, long after."""
_PRIOR_EVENTS = 0.5
_PRIOR_DAYS = 15.0
_THIN_DAYS = 15.0

WITH_HINTS = "+hints"
"""After a provider's name: what is learned about changes that its hints do not bring."""
UNDATED = len(_EDGES) + 1
"""The stage of invoices without a due instant."""
STAGES = (
    f"before {_EDGES[0]}d",
    *(f"{begin}d to {end}d" for begin, end in pairwise(_EDGES)),
    f"after {_EDGES[-1]}d",
    "undated",
)
"""The names of all stages; the database stores them."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was observed in one stage: the changes that polls found, and the days that invoices spent in it."""

    events: int = 0
    days: float = 0.0

    @property
    def hazard(self) -> float:
        return (self.events + _PRIOR_EVENTS) / (self.days + _PRIOR_DAYS)


@value_object
class Exposure:
    """What one poll teaches: `events` changes in `time`, for invoices of this provider and status in this stage."""

    provider: str
    status: str
    stage: int
    events: int
    time: timedelta


def _stage_begin(stage: int) -> float:
    return _EDGES[stage - 1] if stage else -inf


def _phase(stage: int) -> int:
    if stage == UNDATED:
        return UNDATED
    return bisect_right(_PHASE_EDGES, _stage_begin(stage))


@dataclass(frozen=True, slots=True)
class Curve:
    """The hazard by stage, each above 0."""

    hazards: tuple[float, ...]

    @classmethod
    def learned(cls, tallies: Mapping[int, Tally]) -> "Curve":
        """(events + 0.5) / (exposure + 15 days) of each stage, or of its whole phase if the stage has little data.

        Without any data all stages are equal, which means that all invoices are polled equally often.
        """
        phases: dict[int, Tally] = {}
        for stage, tally in tallies.items():
            known = phases.get(_phase(stage), Tally())
            phases[_phase(stage)] = Tally(known.events + tally.events, known.days + tally.days)
        hazards: list[float] = []
        for stage in range(len(STAGES)):
            own = tallies.get(stage, Tally())
            hazards.append((own if own.days >= _THIN_DAYS else phases.get(_phase(stage), own)).hazard)
        return cls(tuple(hazards))

    def days_until(self, effort: float, days_after_due: float | None) -> float:
        """The days in which ∫ √h grows by `effort`."""
        if days_after_due is None:
            return effort / sqrt(self.hazards[UNDATED])
        at, left = days_after_due, effort
        for stage in range(stage_at(days_after_due), UNDATED):
            root, end = sqrt(self.hazards[stage]), stage_end(stage)
            if (end - at) * root >= left:
                return at + left / root - days_after_due
            left -= (end - at) * root
            at = end
        return inf


UNIFORM = Curve.learned({})


def due_hour(due_at: datetime | None) -> int | None:
    """A due instant in whole hours since 1970, rounded: scheduling needs no more precision."""
    return None if due_at is None else (due_at - _EPOCH + _HOUR / 2) // _HOUR


def days_after(due: int | None, at: datetime) -> float | None:
    """How many days `at` lies after that `due_hour`."""
    return None if due is None else (at - _EPOCH) / DAY - due / 24


def stage_at(days_after_due: float | None) -> int:
    """The stage of `STAGES` that an invoice is in."""
    return UNDATED if days_after_due is None else bisect_right(_EDGES, days_after_due)


def stage_end(stage: int) -> float:
    """In days after the due instant; None for the last dated stage and for undated invoices, which never end."""
    return _EDGES[stage] if stage < len(_EDGES) else inf


def exposures(
    provider: str, status: str, due: int | None, *, since: datetime, until: datetime, changed_at: datetime | None
) -> tuple[Exposure, ...]:
    """What a poll at `until` teaches after one at `since`; `changed_at` if it found that something had changed.

    Time after the change does not count: the exposure ended with the change.
    """
    end = until if changed_at is None else changed_at
    if end < since or until <= since:
        return ()
    time, end_days = end - since, days_after(due, end)
    last = stage_at(end_days)
    begin_days = None if end_days is None else end_days - time / DAY
    if begin_days is None or end_days is None or begin_days >= _stage_begin(last):
        return (Exposure(provider, status, last, changed_at is not None, time),)
    return tuple(
        Exposure(provider, status, stage, changed_at is not None and stage == last, days * DAY)
        for stage, days in _passed(begin_days, end_days)
    )


def left_over(every: Iterable[Exposure], *, is_hinted: bool) -> tuple[Exposure, ...]:
    """The same exposures for what hints leave to be found: a change that a hint brought is none of these."""
    return tuple(
        replace(one, provider=one.provider + WITH_HINTS, events=0 if is_hinted else one.events) for one in every
    )


def _passed(begin: float, end: float) -> Iterator[tuple[int, float]]:
    """(stage, days in it) between two times in days after the due instant; the last one even if it has just begun."""
    at = begin
    for stage in range(stage_at(begin), stage_at(end) + 1):
        until = min(stage_end(stage), end)
        yield stage, until - at
        at = until
