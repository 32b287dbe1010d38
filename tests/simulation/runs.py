"""Runs many seeds, each in a process of its own core, and finds the shortest time in which one fails."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

from tests.simulation.seed import Outcome, simulate

_STEPS = 16
"""Into how many parts the days of a failing seed are cut to find the shortest trace."""


def outcomes(seeds: Iterable[int], days: float, jobs: int) -> Iterator[Outcome]:
    """In their order; traces stay in the processes that made them."""
    if jobs == 1:
        yield from (simulate(seed, days) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_without_trace, days=days), seeds)


def _without_trace(seed: int, days: float) -> Outcome:
    return replace(simulate(seed, days), trace=[])


def shortest(seed: int, days: float) -> tuple[float, Outcome]:
    """The outcome of a seed with the fewest days in which it breaks a promise; with all of them if it breaks none."""
    outcome = simulate(seed, days)
    if outcome.problems:
        for step in range(1, _STEPS):
            earlier = simulate(seed, days * step / _STEPS)
            if earlier.problems:
                return days * step / _STEPS, earlier
    return days, outcome
