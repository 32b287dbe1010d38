"""A backup that is made while the daemon writes, and a daemon that goes on from it."""

import random
import shutil
import sqlite3
import stat
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from tests.acceptance.daemon import Body, Site, until
from tests.acceptance.operating import operate
from watcher.sandbox import Bill

pytestmark = pytest.mark.timeout(150)

DATABASE = "invoice-watcher.db"
COPIES = 3
INVOICES = 30


def numbered(events: Iterable[Body]) -> dict[str, list[int]]:
    """The sequences of each invoice, in the order of the history."""
    sequences: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        sequences[event["data"]["invoice_id"]].append(event["data"]["sequence"])
    return sequences


def without_gaps(events: Iterable[Body]) -> bool:
    return all(found == list(range(1, len(found) + 1)) for found in numbered(events).values())


def problems(file: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
        found = [line for (line,) in copy.execute("PRAGMA integrity_check") if line != "ok"]
        return found + [f"refers to nothing: {row}" for row in copy.execute("PRAGMA foreign_key_check")]


async def keep_paying(bills: list[Bill], site: Site, ended: anyio.Event) -> None:
    """A little is paid on some invoice all the time, so that the daemon writes all the time."""
    rng = random.Random(1)  # noqa: S311 -- a reproducible life, no secret
    while not ended.is_set():
        site.sandbox.ledger.pay(rng.choice(bills), 1)
        await anyio.sleep(0.005)


async def test_a_backup_under_load_is_whole_and_a_daemon_on_it_goes_on_with_its_numbers(site: Site) -> None:
    bills = [site.sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1_000_000) for number in range(INVOICES)]
    site.source("meteroid", rate="300/s")
    site.polling["every"] = "100ms"
    site.watch("meteroid", *(bill.id for bill in bills))
    copies = [site.folder / f"copy-{number}.db" for number in range(COPIES)]
    ended = anyio.Event()
    async with site.running() as daemon, anyio.create_task_group() as life:
        life.start_soon(keep_paying, bills, site, ended)
        await until(lambda: len(site.recorded()) > 2 * INVOICES, "it writes")
        for copy in copies:
            written = len(site.recorded())
            done = await operate(site, "db", "backup", str(copy))
            assert (done.code, done.err) == (0, "")
            await until(lambda before=written: len(site.recorded()) > before, "it goes on writing")
        refused = await operate(site, "db", "backup", str(copies[0]))
        assert (refused.code, "never overwrites" in refused.err) == (1, True)
        ended.set()
        await daemon.kill()
    assert "locked" not in daemon.log.read_text()
    assert [problems(copy) for copy in copies] == [[]] * COPIES
    assert {stat.S_IMODE(copy.stat().st_mode) for copy in copies} == {0o600}

    for file in site.folder.glob(f"{DATABASE}*"):
        file.unlink()
    shutil.copy(copies[-1], site.folder / DATABASE)
    before = await site.command("events")
    assert len(before) > 2 * INVOICES
    assert without_gaps(before)
    for bill in bills:
        site.sandbox.ledger.pay(bill)
    async with site.running():
        await until(
            lambda: all(site.recorded(bill.id)[-1] == "paid" for bill in bills), "what happened since is recorded"
        )
        after = await site.command("events")
    assert after[: len(before)] == before
    assert without_gaps(after)
    assert [event["type"] for event in after].count("invoice.tracked") == INVOICES
