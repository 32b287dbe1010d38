"""Puts deliberate bugs into a copy of the program, one at a time, and counts how many seeds it takes to catch each.

    python -m tests.simulation.mutations [--most 20] [--days 6] [NAME …]

A bug that no seed catches shows where the simulated world is too kind.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.integration.repository import ROOT


@dataclass(frozen=True, slots=True)
class Mutation:
    """`before` stands once in `file` (below watcher/), and becomes `after`."""

    name: str
    file: str
    before: str
    after: str


MUTATIONS = (
    Mutation("synchronous = FULL turned off", "store/engine.py", "synchronous = FULL", "synchronous = OFF"),
    Mutation("recorder passes no successes", "polling/recorder.py", "if outcome.success_at is not None:", "if False:"),
    Mutation("version counts polls without news", "core/invoices/transition.py",
             "version = before.version + is_new_version", "version = before.version + 1"),
    Mutation("record before fence", "store/polls/record.py",
             "if poll.key in held and held[poll.key].lease == poll.lease]", "if poll.key in held]"),
    Mutation("wake-up of the dispatcher lost", "daemon/service.py", "        self.dispatcher.notify()\n", ""),
    Mutation("cursor off by one", "store/deliveries/events.py", "return last - count + 1", "return last - count"),
    Mutation("no order of deliveries", "store/deliveries/events.py",
             "        await realign(connection,", "        _ = ("),
    Mutation("time-outs count as delivered", "delivery/retry_policy.py",
             "        case Outcome.DELIVERED:", "        case Outcome.DELIVERED | Outcome.RETRY:"),
    Mutation("older answers are believed", "polling/evaluate.py",
             "return revision is not None and known is not None and revision < known", "return False"),
    Mutation("rate budget not kept", "store/polls/queue.py",
             "await _take_slots(connection, request.source, free.after(count))",
             "await _take_slots(connection, request.source, free.after(0))"),
    Mutation("clock events told again", "core/invoices/transition.py",
             "recorded=before.recorded | marks", "recorded=marks"),
    Mutation("sequence begins anew", "core/invoices/transition.py",
             "sequence=before.sequence + len(events)", "sequence=len(events) or before.sequence"),
    Mutation("clock events while the clock is doubted", "polling/clock_skew.py",
             "return has_jumped or (", "return False and ("),
    Mutation("leases of a dead process stay", "store/maintenance/lease_rescue.py",
             "    if not store.is_sqlite:", "    if store:"),
    Mutation("two transactions instead of one", "store/polls/record.py",
             "            await _keep_changes(connection, kept, held, store)\n",
             '            await connection.exec_driver_sql("COMMIT")\n'
             '            await connection.exec_driver_sql("BEGIN")\n'
             "            await _keep_changes(connection, kept, held, store)\n"),
    Mutation("forged hints are taken", "polling/hint_intake.py", "if one.verify(request)), None)", "if one), None)"),
    Mutation("hints make nothing due", "store/polls/hints.py",
             "values = due_now(here) | {watches.c.poll_reason", "values = {watches.c.poll_reason"),
    Mutation("settle without lease", "store/deliveries/settle.py",
             "kept = [settlement for settlement in known if held[settlement.key].lease == settlement.lease]",
             "kept = list(known)"),
    Mutation("one miss deletes", "core/scheduling/intervals.py",
             "return misses >= MISSES_TO_DELETE and now - first_missed_at >= rules.confirm_deleted",
             "return misses >= 1"),
)  # fmt: skip


def caught_by(mutation: Mutation, most: int, days: int) -> tuple[int, str] | None:
    """How many seeds it took, and what the last one said; None if none caught it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in ("watcher", "tests"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        file = folder / "watcher" / mutation.file
        text = file.read_text("utf-8")
        if text.count(mutation.before) != 1:
            raise SystemExit(f"{mutation.name}: {mutation.file} has changed: it does not have once {mutation.before!r}")
        file.write_text(text.replace(mutation.before, mutation.after), "utf-8")
        for seed in range(1, most + 1):
            command = [
                sys.executable,
                "-m",
                "tests.simulation",
                "--seeds",
                "1",
                "--first",
                str(seed),
                "--days",
                str(days),
                "--jobs",
                "1",
            ]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 -- our own
            if done.returncode:
                lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
                return seed, (lines[0] if done.stdout.strip() else lines[-1])
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=20)
    parser.add_argument("--days", type=int, default=6)
    parser.add_argument("names", nargs="*", help="parts of the names of those to try; all if none is given")
    arguments = parser.parse_args()
    for mutation in MUTATIONS:
        if arguments.names and not any(name in mutation.name for name in arguments.names):
            continue
        found = caught_by(mutation, arguments.most, arguments.days)
        told = f"not caught by {arguments.most} seeds" if found is None else f"{found[0]} seeds: {found[1]}"
        print(f"{mutation.name:<48} {told}", flush=True)


if __name__ == "__main__":
    main()
