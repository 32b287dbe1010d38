"""How soon changes are seen at the same number of requests, by policy.

    python -m tests.benchmarks.freshness [--invoices 3000] [--days 30] [--every 6.9]

Every poll is evaluated, planned and learned from by the program's own code (`polling.evaluate`, `polling.adaptive`,
`core.scheduling`) with a clock that jumps; the rows "on SQLite" use its queue and its hazard statistics too. All
policies poll the same invoices. Delays are hours from the payment to the poll that found it, for all invoices paid
from the first day on, when the adaptive policy knows nothing yet.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean, quantiles

from tests.benchmarks.backends import Backend, Ledger, MemoryBackend, SqlBackend
from tests.benchmarks.receivables import STARTS_AT, Life, known_hazards, lives
from tests.benchmarks.rivals import Optimum, Ranked, ladder, proportional, ranked_allocation
from tests.fakes.clock import FakeClock
from tests.fakes.polling import POLL_RULES, plan
from watcher.core.invoices.clock_events import ClockRules
from watcher.core.scheduling.allocation import HazardGroup, Limits, PollAllocation
from watcher.core.scheduling.intervals import jittered
from watcher.polling import AdaptivePolicy, SourcePlan, Tuner
from watcher.store import open_store

SOURCE, PROVIDER = "acme", "meteroid"
_TUNED_EVERY = timedelta(minutes=30)
_HOUR = timedelta(hours=1)
_RATE = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """What one policy made of the lives. Delays in hours; `expected` is what the planner said meanwhile."""

    name: str
    polls: int
    mean: float
    late: float
    by_value: float
    expected: float | None
    learned_mean: float
    """Of the second half of the time."""


class Run:
    """One policy on the lives of these days."""

    def __init__(self, name: str, backend: Backend, one_plan: SourcePlan, days: int) -> None:
        self.name = name
        self.backend = backend
        self.plan = one_plan
        self.clock = FakeClock(STARTS_AT)
        self.ends_at = STARTS_AT + timedelta(days=days)
        self._tuner = Tuner(backend, self.clock)
        self._tuned_at = STARTS_AT - _TUNED_EVERY
        self._expected = list[float]()

    async def over(self, population: Sequence[Life]) -> Row:
        ledger = Ledger(population, self.plan)
        await self.backend.begin([life for life in population if life.issued_at < self.ends_at])
        while True:
            self.clock.instant, watched = await self.backend.due()
            if self.clock.instant >= self.ends_at:
                break
            await self._tune()
            await self.backend.record([ledger.poll(one, self.clock.instant) for one in watched])
        return self._row(population, ledger)

    async def _tune(self) -> None:
        adaptive_policy = self.plan.adaptive_policy
        if adaptive_policy is None or self.clock.instant < self._tuned_at + _TUNED_EVERY:
            return
        self._tuned_at = self.clock.instant
        if isinstance(adaptive_policy, Ranked):
            census = await self.backend.census(SOURCE, PROVIDER, self.clock.instant, weighted=False)
            adaptive_policy.allocation = ranked_allocation(adaptive_policy, census, self.clock.instant)
            return
        await self._tuner.tune([adaptive_policy])
        if adaptive_policy.allocation is not None and self.clock.instant > self._middle:
            self._expect(adaptive_policy.allocation)

    @property
    def _middle(self) -> datetime:
        return STARTS_AT + (self.ends_at - STARTS_AT) / 2

    def _expect(self, allocation: PollAllocation) -> None:
        expected = allocation.interval_rule.delay(allocation.groups)
        if expected is not None:
            self._expected.append(expected / _HOUR)

    def _row(self, population: Sequence[Life], ledger: Ledger) -> Row:
        # What is paid in the last day may not have been found yet, under any policy.
        paid = [life for life in population if life.issued_at < life.paid_at < self.ends_at - 24 * _HOUR * 1.05]
        found = [(life, (ledger.seen_at[life.name] - life.paid_at) / _HOUR) for life in paid]
        delays = [delay for _, delay in found]
        amounts = [float(life.amount) for life in paid]
        return Row(
            name=self.name,
            polls=ledger.polls,
            mean=fmean(delays),
            late=quantiles(delays, n=20)[-1],
            by_value=fmean(delays, amounts),
            expected=fmean(self._expected) if self._expected else None,
            learned_mean=fmean(delay for life, delay in found if life.paid_at > self._middle),
        )


def plain_plan() -> SourcePlan:
    """No clock events: the requests they cost are the same under every policy."""
    return plan(
        name=SOURCE, subscriptions=(), clock=ClockRules(), poll_rules=replace(POLL_RULES, keep_settled=timedelta(0))
    )


def steady_plan(limits: Limits) -> SourcePlan:
    def next_poll(_: HazardGroup, now: datetime, jitter: float) -> datetime:
        return now + jittered(limits.every, jitter)

    return replace(plain_plan(), regular=next_poll)


def adaptive_plan(adaptive_policy: AdaptivePolicy) -> SourcePlan:
    return replace(plain_plan(), regular=adaptive_policy.next_poll, adaptive_policy=adaptive_policy)


def adaptive(limits: Limits, *, weighted: bool = False) -> SourcePlan:
    return adaptive_plan(AdaptivePolicy(SOURCE, PROVIDER, limits, _RATE, lambda: 1, weighted))


async def in_memory(invoices: int, limits: Limits, days: int) -> list[Row]:
    population = lives(days, invoices)
    known = known_hazards(PROVIDER)
    rivals = {"proportional to the hazard": proportional, "ladder around the due date": ladder}
    plans = {"uniform": steady_plan(limits)}
    plans |= {
        name: adaptive_plan(Ranked(SOURCE, PROVIDER, limits, _RATE, lambda: 1, weighted=False, rank=rank))
        for name, rank in rivals.items()
    }
    plans |= {"ours": adaptive(limits), "ours, weighted by amount": adaptive(limits, weighted=True)}
    rows = [await Run(name, MemoryBackend(STARTS_AT), one, days).over(population) for name, one in plans.items()]
    # Hazards are known by stage, and true within it only for payments at any hour of the day.
    population = lives(days, invoices, all_day=True)
    informed = Run("ours, hazards known", MemoryBackend(STARTS_AT, known=known), adaptive(limits), days)
    rows.append(await informed.over(population))
    best = Optimum(known["open"], limits)
    best.fit(population, rows[-1].polls, informed.ends_at)
    optimum = replace(plain_plan(), regular=best.next_poll)
    rows.append(await Run("optimum, hazards known", MemoryBackend(STARTS_AT), optimum, days).over(population))
    return rows


async def on_sqlite(population: Sequence[Life], limits: Limits, days: int) -> list[Row]:
    rows: list[Row] = []
    for name, one in {"uniform, on SQLite": steady_plan(limits), "ours, on SQLite": adaptive(limits)}.items():
        with tempfile.TemporaryDirectory() as folder:
            async with open_store(f"sqlite:///{Path(folder) / 'freshness.db'}", create=True) as store:
                rows.append(await Run(name, SqlBackend(store, SOURCE, STARTS_AT), one, days).over(population))
    return rows


def print_table(rows: Sequence[Row]) -> None:
    uniform = rows[0]
    print(f"{'policy':28}{'looks':>9}{'mean h':>8}{'p95 h':>8}{'value h':>9}{'mean':>8}{'value':>8}")
    for row in rows:
        print(
            f"{row.name:28}{row.polls:9d}{row.mean:8.2f}{row.late:8.2f}{row.by_value:9.2f}"
            f"{row.mean / uniform.mean:8.2f}{row.by_value / uniform.by_value:8.2f}",
            flush=True,
        )


def print_findings(rows: Sequence[Row]) -> None:
    by_name = {row.name: row for row in rows}
    informed, optimum = by_name["ours, hazards known"], by_name["optimum, hazards known"]
    # Delay falls as polls rise: what is left of a difference in polls is taken out.
    above = informed.mean * informed.polls / (optimum.mean * optimum.polls) - 1
    print(f"\nours above the optimum with known hazards: {above:+.1%}")
    for row in (by_name["ours"], informed):
        assert row.expected is not None
        print(
            f"planner, {row.name}: expected {row.expected:.2f} h, measured {row.learned_mean:.2f} h "
            f"({row.expected / row.learned_mean - 1:+.1%}), second half"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=3000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--sql-days", type=int, default=4)
    parser.add_argument("--every", type=float, default=6.9, help="hours between two looks under the uniform policy")
    chosen = parser.parse_args()
    limits = Limits(chosen.every * _HOUR, timedelta(minutes=1), timedelta(hours=24))
    print(f"{chosen.invoices} open invoices, {chosen.days} days, a budget of a look every {chosen.every} h each\n")
    rows = asyncio.run(in_memory(chosen.invoices, limits, chosen.days))
    print_table(rows)
    print_findings(rows)
    print(f"\nthrough the queue on SQLite, the first {chosen.sql_days} days, claimed from every five minutes\n")
    print_table(asyncio.run(on_sqlite(lives(chosen.sql_days, chosen.invoices), limits, chosen.sql_days)))


if __name__ == "__main__":
    main()
