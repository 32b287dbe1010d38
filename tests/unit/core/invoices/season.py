"""Ninety days of many invoices, with everything that could make the clock record something twice or not at all.

    python -m tests.unit.core.invoices.season [--invoices 10000] [--seed 1]

Looks every few hours and at the clock's instants, across the ends of summer time; due dates that move, payments that
come and are reversed, voids, statuses nobody knows; our clock jumping ahead and back; other time zones and graces; a
restart after every poll. The suite does the same with a few invoices.
"""

import argparse
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.fakes.invoices import euros, invoice
from watcher.core.invoices.clock_events import ClockRules, next_instant
from watcher.core.invoices.event import EventType
from watcher.core.invoices.history_state import HistoryState, dumps, loads
from watcher.core.invoices.invoice import Invoice, Status
from watcher.core.invoices.snapshot import WatchFacts, take
from watcher.core.invoices.transition import Transition, observe

BEGINS_AT = datetime(2026, 9, 15, tzinfo=UTC)
DAYS = 90
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo")
GRACES = (timedelta(0), timedelta(hours=12), timedelta(days=3))
DUE_SOON = (timedelta(days=7), timedelta(days=1))
REMINDERS = (timedelta(days=4), timedelta(days=7))
PAID = invoice(Status.PAID, euros(paid="100.00"))
OPEN = invoice()
SEEN = (OPEN, OPEN, PAID, invoice(Status.VOID, euros(due="0.00")), invoice(Status.UNKNOWN))


@dataclass
class Story:
    """One invoice. `passed` are the due dates after which it was seen unpaid: each wants one overdue, no other does."""

    rng: random.Random
    zone: str
    seen: Invoice
    grace: timedelta = timedelta(0)
    memory: HistoryState = field(default_factory=HistoryState)
    recorded: Counter[tuple[str, str | None, str | None]] = field(
        default_factory=Counter[tuple[str, str | None, str | None]]
    )
    passed: set[str] = field(default_factory=set[str])
    sequences: list[int] = field(default_factory=list[int])

    def live(self) -> None:
        at, ends_at = BEGINS_AT, BEGINS_AT + timedelta(days=DAYS)
        while at < ends_at:
            self._happen()
            jump = timedelta(days=self.rng.uniform(-20, 20)) if self.rng.random() < 0.02 else timedelta(0)
            transition = self._look(at + jump)
            next_at = at + timedelta(hours=self.rng.uniform(2, 10))
            clock_at = next_instant(transition.snapshot, at, self._rules)
            at = min(next_at, clock_at) if clock_at is not None and clock_at > at else next_at

    @property
    def _rules(self) -> ClockRules:
        return ClockRules(grace=self.grace, due_soon=DUE_SOON, reminders=REMINDERS)

    def _happen(self) -> None:
        jitter = self.rng.random()
        if jitter < 0.02:
            self.seen = replace(self.rng.choice(SEEN), due=self.seen.due)
        elif jitter < 0.03:
            self.seen = replace(self.seen, due=_due(self.rng))
        elif jitter < 0.035:
            self.zone = self.rng.choice(ZONES)
        elif jitter < 0.04:
            self.grace = self.rng.choice(GRACES)

    def _look(self, now: datetime) -> Transition:
        watch = WatchFacts(source="acme", provider="meteroid", timezone=ZoneInfo(self.zone))
        taken = take(self.seen, watch)
        transition = observe(loads(dumps(self.memory)), taken, self.seen, now, self._rules, clock_held=False)
        if taken.collectable and taken.due_at is not None and taken.due_key and now >= taken.due_at + self.grace:
            self.passed.add(taken.due_key)
        for event in transition.events:
            self.sequences.append(event.sequence)
            self.recorded[event.fact.type, event.fact.due_key, event.fact.offset] += 1
        self.memory = transition.memory
        return transition

    def problems(self) -> list[str]:
        overdue = {due: times for (kind, due, _), times in self.recorded.items() if kind == EventType.OVERDUE}
        cleared = {due: times for (kind, due, _), times in self.recorded.items() if kind == EventType.OVERDUE_CLEARED}
        offsets = {key: times for key, times in self.recorded.items() if key[2] is not None}
        found: list[str] = []
        if overdue != dict.fromkeys(self.passed, 1):
            found.append(f"overdue told {overdue}, due dates passed unpaid {sorted(self.passed)}")
        if set(cleared.values()) - {1} or cleared.keys() - overdue.keys():
            found.append(f"cleared told {cleared}, overdue {overdue}")
        if set(offsets.values()) - {1}:
            found.append(f"told more than once: {offsets}")
        if self.sequences != list(range(1, len(self.sequences) + 1)):
            found.append("the sequence has a gap")
        return found


@dataclass(frozen=True)
class Season:
    events: int
    overdue: int
    cleared: int
    problems: tuple[str, ...]


def _due(rng: random.Random) -> date:
    return BEGINS_AT.date() + timedelta(days=rng.randrange(DAYS))


def play(invoices: int, seed: int) -> Season:
    recorded: Counter[str] = Counter()
    problems: list[str] = []
    for number in range(invoices):
        rng = random.Random(f"{seed} {number}")  # noqa: S311 -- a story to be repeated, no secret
        story = Story(rng, rng.choice(ZONES), replace(OPEN, due=_due(rng)))
        story.live()
        problems += [f"invoice {number}: {problem}" for problem in story.problems()]
        for (kind, _, _), times in story.recorded.items():
            recorded[kind] += times
    return Season(recorded.total(), recorded[EventType.OVERDUE], recorded[EventType.OVERDUE_CLEARED], tuple(problems))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    season = play(chosen.invoices, chosen.seed)
    print(
        f"{chosen.invoices} invoices, {DAYS} days: {season.events} events, {season.overdue} overdue, "
        f"{season.cleared} cleared, {len(season.problems)} problems"
    )
    for problem in season.problems[:20]:
        print(problem)
    if season.problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
