"""When to poll next. Pure functions: jitter is passed in as a number from [0, 1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MISSES_TO_DELETE = 3
SETTLED_LONGEST = timedelta(days=7)
SETTLED_SHARE = 4
"""A settled invoice is polled again after a quarter of the time for which it has been settled."""
_FIRST_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(hours=1)
_FIRST_PROBE = timedelta(seconds=5)
_LONGEST_PROBE = timedelta(minutes=5)
_MOST_DOUBLINGS = 20
_SHRUNK = 0.7
_LEAST_SHARE = 0.05
_GIVEN_BACK = 0.01
_GIVE_BACK_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PollRules:
    """`every` is the interval of open invoices and the shortest one of settled invoices.

    `keep_settled` None means for ever.
    """

    every: timedelta
    slowest: timedelta
    confirm_deleted: timedelta
    keep_settled: timedelta | None


def jittered(period: timedelta, jitter: float) -> timedelta:
    """Within 5 % of the period, so that polls that were due together spread out."""
    return timedelta(seconds=period.total_seconds() * (0.95 + 0.1 * jitter))


def settled_at(now: datetime, first_seen_settled_at: datetime, rules: PollRules, jitter: float) -> datetime | None:
    """The next poll of a settled invoice; None once it has been settled for `keep_settled`."""
    settled_for = now - first_seen_settled_at
    if rules.keep_settled is not None and settled_for >= rules.keep_settled:
        return None
    interval = max(rules.every, min(settled_for / SETTLED_SHARE, SETTLED_LONGEST))
    return now + jittered(interval, jitter)


def is_deleted(misses: int, first_missed_at: datetime, now: datetime, rules: PollRules) -> bool:
    """Whether there were enough misses over a long enough time.

    That the account answers has to be proved separately.
    """
    return misses >= MISSES_TO_DELETE and now - first_missed_at >= rules.confirm_deleted


def after_miss(now: datetime, rules: PollRules) -> datetime:
    """Misses of a known invoice are confirmed at such intervals that the third one can be the last."""
    return now + rules.confirm_deleted / (MISSES_TO_DELETE - 1)


def after_failure(now: datetime, failures: int, rules: PollRules, jitter: float) -> datetime:
    """Exponential, from half a minute (or `every`, if shorter) to an hour (or `every`, if longer)."""
    first, longest = min(rules.every, _FIRST_RETRY), max(rules.every, _LONGEST_RETRY)
    return now + _doubled(first, failures - 1, longest, jitter)


def next_probe(now: datetime, probes: int, jitter: float) -> datetime:
    """When to probe an account again that refused or failed `probes` times since its circuit opened."""
    return now + _doubled(_FIRST_PROBE, probes, _LONGEST_PROBE, jitter)


def _doubled(first: timedelta, times: int, longest: timedelta, jitter: float) -> timedelta:
    return jittered(min(first * 2 ** min(times, _MOST_DOUBLINGS), longest), jitter)


def throttled(share: float) -> float:
    """The new share of the requests of an account that refused some (429, Retry-After)."""
    return max(_LEAST_SHARE, share * _SHRUNK)


def given_back(share: float, since: timedelta) -> float:
    """The share once `since` has passed without another refusal: it grows by a hundredth each minute."""
    return min(1.0, share + _GIVEN_BACK * (since / _GIVE_BACK_EVERY)) if since > timedelta(0) else share
