"""When to look next. Pure: luck comes in as a number drawn evenly from [0, 1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MISSES_TO_DELETE = 3
SETTLED_LONGEST = timedelta(days=7)
SETTLED_SHARE = 4
"""A settled invoice is looked at again after a quarter of the time for which it has been settled."""
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
    """`every` spaces looks at open invoices and is the floor for settled ones; `keep_settled` None is for ever."""

    every: timedelta
    slowest: timedelta
    confirm_deleted: timedelta
    keep_settled: timedelta | None


def jittered(period: timedelta, jitter: float) -> timedelta:
    """Within 5 % of the period, so that what fell due together drifts apart."""
    return timedelta(seconds=period.total_seconds() * (0.95 + 0.1 * jitter))


def settled_at(now: datetime, first_seen_settled_at: datetime, rules: PollRules, jitter: float) -> datetime | None:
    """The next look at a settled invoice; None once it has been settled for `keep_settled`."""
    settled_for = now - first_seen_settled_at
    if rules.keep_settled is not None and settled_for >= rules.keep_settled:
        return None
    interval = max(rules.every, min(settled_for / SETTLED_SHARE, SETTLED_LONGEST))
    return now + jittered(interval, jitter)


def is_deleted(misses: int, first_missed_at: datetime, now: datetime, rules: PollRules) -> bool:
    """Enough misses over long enough a time; the proof that the account answers is another matter."""
    return misses >= MISSES_TO_DELETE and now - first_missed_at >= rules.confirm_deleted


def after_miss(now: datetime, rules: PollRules) -> datetime:
    """Misses of a known invoice are confirmed at such a distance that the third one can be the last."""
    return now + rules.confirm_deleted / (MISSES_TO_DELETE - 1)


def after_failure(now: datetime, failures: int, rules: PollRules, jitter: float) -> datetime:
    """Exponential from half a minute (or `every`, if shorter) to an hour (or `every`, if longer)."""
    first, longest = min(rules.every, _FIRST_RETRY), max(rules.every, _LONGEST_RETRY)
    return now + _doubled(first, failures - 1, longest, jitter)


def next_probe(now: datetime, probes: int, jitter: float) -> datetime:
    """When to try an account again that refused or failed `probes` times since it was given up."""
    return now + _doubled(_FIRST_PROBE, probes, _LONGEST_PROBE, jitter)


def _doubled(first: timedelta, times: int, longest: timedelta, jitter: float) -> timedelta:
    return jittered(min(first * 2 ** min(times, _MOST_DOUBLINGS), longest), jitter)


def throttled(share: float) -> float:
    """What an account that put us off (429, Retry-After) gets of the requests it got."""
    return max(_LEAST_SHARE, share * _SHRUNK)


def given_back(share: float, since: timedelta) -> float:
    """That share once `since` has passed without another refusal: a hundredth more each minute."""
    return min(1.0, share + _GIVEN_BACK * (since / _GIVE_BACK_EVERY)) if since > timedelta(0) else share
