"""Runs seeds, and says which of them broke a promise.

python -m tests.simulation [--seeds 100] [--first 1] [--days 30] [--trace FILE]
"""

import argparse
import os
import sys
import time
from pathlib import Path

from tests.simulation.seed import simulate


def main() -> None:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is a part of the seed
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],  # noqa: S606 -- ourselves
                  {**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--trace", type=Path, help="where to write what happened with the last seed")
    arguments = parser.parse_args()
    began, broken, events, deaths = time.monotonic(), 0, 0, 0
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        outcome = simulate(seed, arguments.days)
        events, deaths = events + outcome.events, deaths + outcome.deaths
        for problem in outcome.problems:
            print(f"seed {seed}: {problem}")
        broken += bool(outcome.problems)
        if arguments.trace is not None:
            arguments.trace.write_text("\n".join(outcome.trace) + "\n")
    seconds = time.monotonic() - began
    print(
        f"{arguments.seeds} seeds of {arguments.days} days in {seconds:.0f} s: {events} events, {deaths} deaths, "
        f"{broken} seeds broke a promise"
    )
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
