"""Runs seeds, and says which of them broke a promise.

python -m tests.simulation [--seeds 100] [--first 1] [--days 30] [--jobs 2] [--trace FILE]
"""

import argparse
import os
import sys
import time
from pathlib import Path

from tests.simulation.runs import outcomes, shortest


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--jobs", type=int, default=_cores(), help="how many seeds run at once (one for each core)")
    parser.add_argument("--trace", type=Path, help="where to write what happened with the last seed; if it broke a "
                        "promise, with the fewest days in which it does")  # fmt: skip
    return parser.parse_args()


def main() -> None:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is a part of the seed
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],  # noqa: S606 -- ourselves
                  {**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
    arguments = _arguments()
    began, core_seconds, broken, events, deaths, rivals = time.monotonic(), 0.0, 0, 0, 0, 0
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    for outcome in outcomes(seeds, arguments.days, min(arguments.jobs, arguments.seeds)):
        events, deaths, rivals = events + outcome.events, deaths + outcome.deaths, rivals + outcome.rivals
        core_seconds += outcome.seconds
        for problem in outcome.problems:
            print(f"seed {outcome.seed}: {problem}", flush=True)
        broken += bool(outcome.problems)
    seconds = time.monotonic() - began
    print(
        f"{len(seeds)} seeds of {arguments.days:g} days in {seconds:.0f} s ({core_seconds:.0f} s of a core): "
        f"{events} events, {deaths} deaths, "
        f"{rivals} processes stopped and overtaken, {broken} seeds broke a promise"
    )
    if arguments.trace is not None:
        days, outcome = shortest(seeds[-1], arguments.days)
        arguments.trace.write_text("\n".join((*outcome.trace, *outcome.problems)) + "\n")
        print(f"{arguments.trace}: seed {seeds[-1]} with {days:g} days")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
