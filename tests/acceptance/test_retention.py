"""Old events go to the archive and leave the database of a running `run`, whatever happens to it meanwhile."""

import gzip
import json
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import asyncpg
import pytest

from tests.acceptance.daemon import ALIVE_AFTER, Daemon, Site, environment, until
from tests.acceptance.operating import operate
from tests.chaos.tmpfs import small_disk
from tests.skips import in_ci

pytestmark = pytest.mark.timeout(150)

OLD = 3000
"""Events of one month: writing them takes long enough to be killed in the middle."""
_MONTH = "events-2026-01.jsonl.gz"
_JANUARY = 1_768_000_000_000_000
_COPIES = f"""INSERT INTO events (cursor, id, type, sequence, source, watch_id, timestamp, tags, "full")
SELECT 1 + number, 'evt_old_' || number, type, NULL, source, watch_id, {_JANUARY} + number, tags,
CAST(replace(CAST("full" AS TEXT), id, 'evt_old_' || number) AS BLOB) FROM events CROSS JOIN
(WITH RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < {OLD})
SELECT number FROM n) AS numbers WHERE cursor = 1"""  # noqa: S608 -- our own numbers
_COPIES_POSTGRESQL = (
    _COPIES.replace('CAST("full" AS TEXT)', "convert_from(\"full\", 'UTF8')")
    .replace("CAST(replace(", "convert_to(replace(")
    .replace(" AS BLOB)", ", 'UTF8')")
)
_COUNTED = f"UPDATE counters SET value = {OLD + 1} WHERE name = 'cursor'"  # noqa: S608 -- same
_AGED = f"UPDATE events SET timestamp = {_JANUARY} WHERE cursor = 1"  # noqa: S608 -- same


@asynccontextmanager
async def hourly(site: Site, *options: str) -> AsyncGenerator[Daemon]:
    """A `run` whose retention comes every second; what is left of it at the end is killed."""
    log = site.folder / f"hourly-{len(list(site.folder.glob('hourly-*.log')))}.log"
    command = [sys.executable, "-m", "tests.acceptance.hourly", "run", *options, "--config", str(site.config)]
    with log.open("wb") as stderr:
        process = await anyio.open_process(command, stdin=None, stdout=stderr, stderr=stderr, env=environment())
    try:
        yield Daemon(process, log)
    finally:
        if process.returncode is None:
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()


def billed(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")


async def with_old_events(site: Site, **retention: str) -> None:
    """A daemon has run; what it recorded has many copies in January, and the present begins after them."""
    billed(site)
    async with site.running():
        await site.hears("inv_1", "tracked")
    with closing(sqlite3.connect(site.folder / "invoice-watcher.db")) as database, database:
        for statement in (_COPIES, _COUNTED, _AGED):
            database.execute(statement)
    site.retention = {"events": "90d", "archive": "archive", **retention}
    site.write()


def archived(site: Site) -> Counter[str] | None:
    """How often each event is in the file of January; None if it is not there. An incomplete one raises."""
    file = site.folder / "archive" / _MONTH
    if not file.exists():
        return None
    lines = gzip.decompress(file.read_bytes()).splitlines()
    return Counter(json.loads(line)["data"]["event_id"] for line in lines)


def kept(site: Site) -> set[str]:
    with closing(sqlite3.connect(f"file:{site.folder}/invoice-watcher.db?mode=ro", uri=True)) as database:
        return {row[0] for row in database.execute("SELECT id FROM events")}


def everything(site: Site) -> set[str]:
    with closing(sqlite3.connect(site.folder / "invoice-watcher.db")) as database:
        (first,) = database.execute("SELECT id FROM events WHERE cursor = 1").fetchone()
    return {first, *(f"evt_old_{number}" for number in range(1, OLD + 1))}


async def read_back(site: Site) -> Counter[str]:
    """What `events --archive` shows."""
    done = await operate(site, "events", "--archive", str(site.folder / "archive" / _MONTH), "--json")
    return Counter(json.loads(line)["data"]["event_id"] for line in done.out.splitlines())


async def test_a_running_daemon_archives_and_removes_and_the_feed_says_where_it_begins(site: Site) -> None:
    await with_old_events(site)
    wanted = everything(site)
    site.http = {"listen": "127.0.0.1:0"}
    site.write()
    async with hourly(site) as daemon:
        await until(lambda: daemon.has_logged("events.forgotten", is_finished=True), "the month has gone")
        (line,) = [line for line in daemon.logged if line["event"] == "http.listening"]
        async with aiohttp.ClientSession() as session:
            old = await session.get(f"http://{line['address']}/api/v1/events", params={"after": "1"})
            problem: Any = await old.json()
            assert (old.status, problem["first"]) == (410, OLD + 1)
            new = await session.get(
                f"http://{line['address']}/api/v1/events", params={"after": str(problem["first"] - 1)}
            )
            assert [item["cursor"] for item in (await new.json())["items"]] == [OLD + 1]
    assert kept(site) == {f"evt_old_{OLD}"}, "the newest of an invoice stays"
    assert await read_back(site) == archived(site) == Counter(wanted)


async def test_kills_in_the_middle_of_the_archive_lose_nothing_and_write_nothing_twice(site: Site) -> None:
    await with_old_events(site)
    wanted, rng = everything(site), random.Random(1)  # noqa: S311 -- faults to repeat
    unfinished = site.folder / "archive" / f"{_MONTH}.unfinished"
    for _ in range(5):
        async with hourly(site) as daemon:
            await until(lambda: unfinished.exists() or (archived(site) is not None), "it writes the archive")
            await anyio.sleep(rng.uniform(0, 0.2))
            await daemon.kill()
        files = archived(site)
        assert files in (None, Counter(wanted)), "complete, or absent"
        assert kept(site) == wanted if files is None else kept(site) <= wanted
    async with hourly(site) as daemon:
        await until(lambda: kept(site) == {f"evt_old_{OLD}"}, "the month has gone")
    assert await read_back(site) == archived(site) == Counter(wanted)
    assert [file.name for file in (site.folder / "archive").iterdir()] == [_MONTH]


async def test_a_full_disk_is_named_removes_nothing_and_is_tried_again(site: Site) -> None:
    with small_disk(site.folder / "small") as disk:
        if disk.why_not:
            assert not in_ci(), disk.why_not
            pytest.skip(disk.why_not)
        await with_old_events(site, archive="small/archive")
        wanted = everything(site)
        disk.fill(1)
        async with hourly(site) as daemon:
            await until(lambda: daemon.has_logged("job.failed", job="retention"), "it is said")
            (first, *_) = [line for line in daemon.logged if line["event"] == "job.failed"]
            assert "No space left on device" in first["error"]
            assert kept(site) == wanted
            disk.empty()
            await until(lambda: daemon.has_logged("events.forgotten", is_finished=True), "the month has gone")
        file = site.folder / "small" / "archive" / _MONTH
        assert len(gzip.decompress(file.read_bytes()).splitlines()) == len(wanted)
        assert [one.name for one in file.parent.iterdir()] == [_MONTH]


async def test_of_two_replicas_one_archives_and_the_other_goes_on_when_it_is_killed(
    site: Site, postgres_url: str
) -> None:
    billed(site)
    (site.folder / "database").write_text(postgres_url)
    site.database = {"url": {"file": "database"}}
    async with site.running():
        await site.hears("inv_1", "tracked")
    connection = await asyncpg.connect(postgres_url)
    for statement in (_COPIES_POSTGRESQL, _COUNTED, _AGED):
        await connection.execute(statement)
    site.retention = {"events": "90d", "archive": "archive"}
    site.write()
    unfinished = site.folder / "archive" / f"{_MONTH}.unfinished"
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(hourly(site, "--name", name)) for name in ("first", "second")]
        await until(lambda: unfinished.exists() or archived(site) is not None, "one of them writes")
        await first.kill()
        await until(lambda: second.has_logged(ALIVE_AFTER), "the other one runs")
        await until(lambda: second.has_logged("events.forgotten", is_finished=True), "the month has gone")
    left = {row["id"] for row in await connection.fetch("SELECT id FROM events")}
    await connection.close()
    files = archived(site)
    assert left == {f"evt_old_{OLD}"}
    assert files is not None
    assert set(files.values()) == {1}
    assert len(files) == OLD + 1
    assert [Path(file).name for file in (site.folder / "archive").iterdir()] == [_MONTH]
