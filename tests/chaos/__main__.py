"""Breaks the running program in every way a seed draws, and accounts for every event.

    python -m tests.chaos --database sqlite --kills 1000 --seed 1 [--jobs 2]

Ends with 1 if anything was lost, came under a second id, out of order or with another body, or if a rate was exceeded.
"""

import argparse
import signal
import sys
import time
from functools import partial

import anyio

from tests.chaos.sites import Result, play


async def _run(database: str, kills: int, seed: int, jobs: int) -> list[Result]:
    results: list[Result] = []

    async def one(number: int) -> None:
        share = kills // jobs + (number < kills % jobs)
        results.append(await play(database, share, seed * 1000 + number, report=partial(_report, number)))

    async with anyio.create_task_group() as group:
        for number in range(jobs):
            group.start_soon(one, number)
    return results


def _report(number: int, line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} site {number}: {line}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], required=True)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the faults and of the invoices' lives")
    parser.add_argument("--jobs", type=int, default=2, help="sites at once, each with a share of the kills")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started and mounted is cleared away
    began = time.monotonic()
    results = anyio.run(_run, chosen.database, chosen.kills, chosen.seed, chosen.jobs)
    total = sum(results[1:], results[0])
    for problem in total.problems:
        print(problem)
    print(total.table(chosen.database, chosen.seed, time.monotonic() - began))
    sys.exit(bool(total.problems))


if __name__ == "__main__":
    main()
