"""The previous version and this one beside each other on one database, and what an outdated replica does."""

import random
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from sqlalchemy import text

from tests.acceptance.daemon import ALIVE_AFTER, Daemon, Site, until
from tests.acceptance.operating import operate, started
from tests.acceptance.previous_version import install_previous_version
from watcher.sandbox import Bill, Fault, FaultKind
from watcher.store import engine
from watcher.store.migrate import REVISIONS

INVOICES = 12


def use(site: Site, url: str) -> None:
    (site.folder / "database").write_text(url)
    site.database = {"url": {"file": "database"}}
    site.write()


@pytest.mark.timeout(300)
async def test_an_upgrade_under_load_beside_the_previous_version_loses_and_doubles_nothing(
    site: Site, empty_postgres_url: str, tmp_path: Path
) -> None:
    previous = await anyio.to_thread.run_sync(install_previous_version, tmp_path / "previous")
    bills = [site.sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 100_000) for number in range(INVOICES)]
    site.source("meteroid", rate="100/s")
    site.endpoint()
    site.watch("meteroid", *(bill.id for bill in bills))
    use(site, empty_postgres_url)
    async with AsyncExitStack() as stack:

        async def start(name: str, python: Path | None = None) -> Daemon:
            daemon = await stack.enter_async_context(started(site, "--name", name, python=python))
            await until(lambda: daemon.has_logged(ALIVE_AFTER), f"{name} runs")
            return daemon

        newer = list[Daemon]()
        older = [await start(name, previous) for name in ("old-1", "old-2")]
        async with anyio.create_task_group() as load:
            load.start_soon(keep_paying, site, bills)
            upgraded = await operate(site, "db", "upgrade")
            assert (upgraded.code, upgraded.err) == (0, ""), "what only adds waits for nobody"
            assert upgraded.out.endswith(": upgraded\n")
            await more_events(site)
            newer += [await start(name) for name in ("new-1", "new-2")]
            await more_events(site)
            assert all(daemon.process.returncode is None for daemon in older), "the older ones go on"
            older[0].process.terminate()
            assert await older[0].ended() == 0
            await older[1].kill()
            await more_events(site)
            load.cancel_scope.cancel()
        await reconcile(site, bills)
        for daemon in newer:
            daemon.process.terminate()
            assert await daemon.ended() == 0


async def test_a_replica_that_the_schema_has_left_behind_finishes_its_work_and_ends_with_a_sentence(
    site: Site, postgres_url: str
) -> None:
    site.source("meteroid")
    site.endpoint()
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.watch("meteroid", bill.id)
    use(site, postgres_url)
    site.sandbox.fail_next("meteroid", Fault(FaultKind.SLOW, delay=timedelta(seconds=5)))
    async with started(site, "--name", "old") as daemon:
        await until(lambda: site.asked(bill.id), "a poll is in progress")
        await set_revision(postgres_url, "9999")
        assert await daemon.ended() == 1
    assert daemon.has_logged("replica.outdated", effect="finishes what is in progress and stops")
    assert "has a newer schema than this program: install the newer invoice-watcher" in daemon.log.read_text()
    await set_revision(postgres_url, REVISIONS[-1])
    assert [event["type"] for event in await site.command("events")] == ["invoice.tracked"], "the poll was recorded"
    assert len(site.asked(bill.id)) == 1


async def set_revision(url: str, revision: str) -> None:
    async with engine.connected(url) as store, store.transaction() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


async def keep_paying(site: Site, bills: list[Bill]) -> None:
    chosen = random.Random(1)  # noqa: S311 -- a life to repeat, no secret
    while True:
        site.sandbox.ledger.pay(chosen.choice(bills), chosen.randint(1, 100))
        await anyio.sleep(0.05)


async def more_events(site: Site) -> None:
    """Wait for a few dozen events more."""
    before = len(site.receiver.verified)
    await until(lambda: len(site.receiver.verified) >= before + 3 * INVOICES, "events go on to come")


async def reconcile(site: Site, bills: list[Bill]) -> None:
    """Wait until the last of what was paid is sent, and compare what arrived with the history."""

    def newest(bill: Bill) -> str:
        bodies = site.bodies(bill.id)
        return bodies[-1]["data"]["invoice"]["amounts"][0]["paid"] if bodies else ""

    await until(lambda: all(newest(bill) == f"{bill.settled / 100:.2f}" for bill in bills), "everything paid is sent")
    recorded = {event["data"]["event_id"] for event in await site.command("events", "--limit", "1000000")}
    arrived = site.receiver.deliveries
    assert {delivery.id for delivery in arrived} == recorded, "nothing is lost, and nothing has a second id"
    assert all(delivery.verified for delivery in arrived)
    assert len({(delivery.id, delivery.body) for delivery in arrived}) == len(recorded), (
        "a repetition has the same bytes"
    )
    for bill in bills:
        first = dict.fromkeys(body["data"]["sequence"] for body in site.bodies(bill.id))
        assert list(first) == list(range(1, len(first) + 1)), f"{bill.id} arrived in the order {list(first)}"
