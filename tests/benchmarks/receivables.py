"""Invoice lives shaped by their due dates, drawn from a seed: what the freshness of policies is measured on.

Terms of 15, 30 and 60 days in equal parts; paid early 36 % (evenly over the 10 days before), on the due date 21 %,
1-15 days late 39 %, 16-60 days late 4 %; business hours; amounts lognormal with a sigma of 1.2.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from watcher.core.scheduling.hazard import DAY, Exposure, Tally, due_hour, exposures

STARTS_AT = datetime(2026, 3, 2, tzinfo=UTC)
_TERMS = (15, 30, 60)
_OLDEST = 121
"""Days after its issue at which every invoice is paid."""
_OPENS, _OPEN_HOURS = time(9, tzinfo=UTC), 8
_SIGMA = 1.2
_MEDIAN = 400.0
_MEAN_LIFE = 37.3
"""Days from issue to payment."""


@dataclass(frozen=True, slots=True)
class Life:
    name: str
    issued_at: datetime
    due_on: date
    paid_at: datetime
    amount: Decimal

    @property
    def due_at(self) -> datetime:
        return datetime.combine(self.due_on, time(), UTC) + DAY


def lives(days: int, open_invoices: int, seed: int = 1, *, all_day: bool = False) -> list[Life]:
    """Lives such that about `open_invoices` are open at any time of these days; by issue.

    `all_day`: paid at any hour, so that the hazard within a day is what a stage says of it.
    """
    rng = Random(seed)  # noqa: S311 - the same lives for every policy
    a_day = open_invoices / _MEAN_LIFE
    drawn = [_life(rng, number, a_day, all_day=all_day) for number in range(round(a_day * (days + _OLDEST)))]
    return [life for life in drawn if life.paid_at > STARTS_AT]


def _life(rng: Random, number: int, a_day: float, *, all_day: bool) -> Life:
    issued_on = (STARTS_AT + timedelta(days=int(number / a_day) - _OLDEST)).date()
    due_on = issued_on + timedelta(days=rng.choice(_TERMS))
    return Life(
        name=f"inv_{number}",
        issued_at=_business_hours(rng, issued_on),
        due_on=due_on,
        paid_at=_paid_at(rng, due_on + timedelta(days=_days_late(rng)), all_day=all_day),
        amount=Decimal(round(100 * _MEDIAN * rng.lognormvariate(0, _SIGMA)) + 1).scaleb(-2),
    )


def _days_late(rng: Random) -> int:
    jitter = rng.random()
    if jitter < 0.36:
        return -rng.randint(1, 10)
    if jitter < 0.36 + 0.21:
        return 0
    return rng.randint(1, 15) if jitter < 0.36 + 0.21 + 0.39 else rng.randint(16, 60)


def _paid_at(rng: Random, day: date, *, all_day: bool) -> datetime:
    return datetime.combine(day, time(), UTC) + DAY * rng.random() if all_day else _business_hours(rng, day)


def _business_hours(rng: Random, day: date) -> datetime:
    return datetime.combine(day, _OPENS) + timedelta(hours=_OPEN_HOURS * rng.random())


def known_hazards(provider: str) -> Mapping[str, Mapping[int, Tally]]:
    """What somebody knows who has seen thirty thousand other lives from end to end."""
    return {
        "open": tallied(taught for life in lives(100, 5000, seed=2, all_day=True) for taught in _taught(provider, life))
    }


def tallied(taught: Iterable[Exposure]) -> Mapping[int, Tally]:
    found: dict[int, Tally] = {}
    for one in taught:
        known = found.get(one.stage, Tally())
        found[one.stage] = Tally(known.events + one.events, known.days + one.time / DAY)
    return found


def _taught(provider: str, life: Life) -> Iterator[Exposure]:
    hour = due_hour(life.due_at)
    yield from exposures(
        provider, "open", hour, since=life.issued_at, until=life.paid_at + DAY, changed_at=life.paid_at
    )
