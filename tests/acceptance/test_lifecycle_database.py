"""What is wrong with a database, said in words; and a running daemon whose database goes away for a while."""

import os
import resource
import signal
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import aiohttp
import anyio
import pytest

from tests.acceptance.daemon import PATIENCE, Site, until
from tests.acceptance.operating import operate_all, started
from tests.acceptance.test_api import ask, listen, url_of

pytestmark = pytest.mark.timeout(150)

DATABASE = "invoice-watcher.db"


def not_a_database(file: Path) -> None:
    file.write_text("Dear customer, please find attached our invoice. " * 100)


def a_directory(file: Path) -> None:
    file.mkdir()


def of_a_newer_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
        database.commit()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (not_a_database, "is not a database of this program"),
        (a_directory, "cannot be opened"),
        (of_a_newer_program, "has a newer schema than this program: install the newer"),
    ],
)
async def test_a_database_that_cannot_be_used_is_named_with_what_to_do(
    site: Site, spoil: Callable[[Path], None], words: str
) -> None:
    site.source("meteroid")
    site.write()
    file = site.folder / DATABASE
    spoil(file)
    for done in await operate_all(site, "run", "run --once", "watch list", "watch add meteroid inv_1"):
        assert (done.code, done.out) == (1, ""), done
        assert done.err.startswith("error: ")
        assert str(file) in done.err
        assert words in done.err
    assert list(site.folder.glob("*.db-*")) == []


async def test_a_missing_folder_is_named_and_not_made(site: Site) -> None:
    site.source("meteroid")
    site.write()
    site.config.write_text('[database]\nurl = "sqlite:///not/there.db"\n' + site.config.read_text())
    for done in await operate_all(site, "run", "watch add meteroid inv_1"):
        assert (done.code, done.out) == (1, ""), done
        assert f"no folder {site.folder / 'not'}" in done.err
    assert not (site.folder / "not").exists()


async def test_reading_commands_never_make_a_database_and_the_first_that_may_makes_it_private(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.write()
    before = sorted(path.name for path in site.folder.iterdir())
    lines = (
        "invoices", "events", "deliveries", "watch list", "endpoints list", "sources", "show meteroid inv_1",
        "db check", "db backup copy.db", "redeliver --event evt_1", "watch remove meteroid inv_1",
        "watch poll meteroid inv_1", "events --follow",
    )  # fmt: skip
    for done in await operate_all(site, *lines):
        assert (done.code, done.out) == (1, ""), done
        assert "no database at" in done.err, done
    asking = await operate_all(site, "get meteroid inv_1 --json", "check --online", "endpoints test ledger")
    assert [done.code for done in asking] == [0, 0, 0]
    assert sorted(path.name for path in site.folder.iterdir()) == before
    assert [done.code for done in await operate_all(site, "watch add meteroid inv_1")] == [0]
    async with site.running():
        await site.hears("inv_1", "tracked")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in site.folder.glob(f"{DATABASE}*")}
        (copied,) = await operate_all(site, "db backup copy.db")
    assert len(modes) == 4
    assert set(modes.values()) == {0o600}
    assert copied.code == 0
    assert stat.S_IMODE((site.folder / "copy.db").stat().st_mode) == 0o600
    with closing(sqlite3.connect(site.folder / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM events").fetchone() == (1,)


async def ready(url: str) -> None:
    with anyio.fail_after(PATIENCE):
        async with aiohttp.ClientSession() as session:
            while (await session.get(url)).status != 200:  # noqa: ASYNC110 -- another process is watched from outside
                await anyio.sleep(0.2)


async def test_a_full_disk_is_said_and_the_daemon_goes_on_once_there_is_room(site: Site) -> None:
    for number in range(40):
        site.sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_0")
    listen(site)
    site.write()
    async with started(site) as daemon:
        await site.hears("inv_0", "tracked")
        assert (await ask(f"{url_of(daemon)}/readyz"))["store"] == {"state": "ok", "error": None}
        size = (site.folder / f"{DATABASE}-wal").stat().st_size
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        site.watch("meteroid", *(f"inv_{number}" for number in range(1, 40)))
        site.write()
        daemon.signal(signal.SIGHUP)
        await until(lambda: "cannot" in daemon.log.read_text(), "it says so")
        assert daemon.process.returncode is None
        store = (await ask(f"{url_of(daemon)}/readyz", status=503))["store"]
        assert store["state"] == "failing"
        assert "cannot" in store["error"]
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await until(lambda: len(set(site.recorded("inv_39"))) == 1, "the list is in force after all")
        await ready(f"{url_of(daemon)}/readyz")
        daemon.signal(signal.SIGTERM)
        assert await daemon.ended() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
async def test_while_a_real_disk_is_full_it_is_not_ready_and_afterwards_nothing_is_lost(
    site: Site, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    await anyio.run_process(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)])
    try:
        bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
        site.source("meteroid")
        site.watch("meteroid", bill.id)
        site.database["url"] = f"sqlite:///{disk}/watcher.db"
        listen(site)
        async with site.running() as daemon:
            await site.hears(bill.id, "tracked")
            filler = disk / "filler"
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
            readyz = f"{url_of(daemon)}/readyz"
            await until(lambda: daemon.has_logged("polls.unclaimed"), "nothing can be claimed")
            assert "the disk is full" in (await ask(readyz, status=503))["store"]["error"]
            site.sandbox.ledger.pay(bill)
            filler.unlink()
            await site.hears(bill.id, "tracked", "paid")
            await ready(readyz)
    finally:
        await anyio.run_process(["umount", str(disk)])


async def test_a_database_locked_for_a_while_loses_neither_poll_nor_receipt_nor_reload(site: Site) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.sandbox.ledger.create("meteroid", "inv_2", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.write()
    async with started(site) as daemon:
        await site.hears("inv_1", "tracked")
        with closing(sqlite3.connect(site.folder / DATABASE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            site.sandbox.ledger.pay(bill)
            site.watch("meteroid", "inv_2")
            site.write()
            daemon.signal(signal.SIGHUP)
            listing, polling = await operate_all(site, "watch list", "watch poll meteroid x")
            assert (listing.code, polling.code) == (0, 1)
            assert "is locked by another program" in polling.err
            await until(lambda: daemon.has_logged("config.unapplied"), "the reload could not be made")
            assert daemon.process.returncode is None
            other.execute("ROLLBACK")
        await site.hears("inv_1", "tracked", "paid")
        await site.hears("inv_2", "tracked")
        daemon.signal(signal.SIGTERM)
        assert await daemon.ended() == 0


async def test_a_database_that_may_only_be_read_is_named(site: Site) -> None:
    site.source("meteroid")
    site.write()
    await operate_all(site, "db upgrade")
    (site.folder / DATABASE).chmod(0o400)
    site.folder.chmod(0o500)
    try:
        done = await operate_all(site, "watch add meteroid inv_1", "run", weak=True)
    finally:
        site.folder.chmod(0o700)
    for one in done:
        assert (one.code, one.out) == (1, ""), one
        assert str(site.folder / DATABASE) in one.err
    assert "is read-only" in done[0].err
