"""Several `run`s on one PostgreSQL database: who takes over, who is woken, and who is named."""

import json
import signal
from contextlib import AsyncExitStack
from functools import partial

import anyio
import pytest

from tests.acceptance.daemon import ALIVE_AFTER, Daemon, Site, until
from tests.acceptance.operating import operate, started
from tests.acceptance.silence import silent_server

pytestmark = pytest.mark.timeout(150)

DEAD_SECONDS = 10
HANGING_SECONDS = 30


def use(site: Site, postgres_url: str, **keys: object) -> None:
    (site.folder / "database").write_text(postgres_url)
    site.database = {"url": {"file": "database"}, **keys}
    site.write()


async def runs(stack: AsyncExitStack, site: Site, *names: str) -> list[Daemon]:
    daemons = [await stack.enter_async_context(started(site, "--name", name)) for name in names]
    await until(lambda: all(daemon.has_logged(ALIVE_AFTER) for daemon in daemons), "all run")
    return daemons


@pytest.mark.parametrize(
    ("number", "within"), [(signal.SIGKILL, DEAD_SECONDS), (signal.SIGSTOP, HANGING_SECONDS)], ids=["dead", "hanging"]
)
async def test_what_a_lost_replica_held_is_asked_for_and_sent_by_another(
    site: Site, postgres_url: str, number: signal.Signals, within: int
) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    async with AsyncExitStack() as stack:
        provider, receiver = [await stack.enter_async_context(silent_server()) for _ in range(2)]
        site.source("meteroid", name="silent", base_url=provider.url, timeout="60s")
        site.watch("silent", "inv_2")
        site.endpoint("silent", url=receiver.url, timeout="30s")
        use(site, postgres_url)
        (first,) = await runs(stack, site, "first")
        await until(lambda: provider.asked_at and receiver.asked_at, "the first holds a poll and a delivery")
        (second,) = await runs(stack, site, "second")
        await anyio.sleep(8)  # it calls nobody lost before it has beaten for some seconds itself
        assert (len(provider.asked_at), len(receiver.asked_at)) == (1, 1)
        lost_at = anyio.current_time()
        first.signal(number)
        for server in (provider, receiver):
            await until(lambda server=server: len(server.asked_at) > 1, "the second asks", within=within)
            assert server.asked_at[1] - lost_at < within
        assert second.has_logged("replica.lost", name="first")
        rows = [json.loads(line) for line in (await operate(site, "replicas", "--json")).out.splitlines()]
        assert {row["name"]: row["state"] for row in rows} == {"first": "lost", "second": "active"}


async def test_a_change_on_one_replica_wakes_the_other_at_once(site: Site, postgres_url: str) -> None:
    """Here everything that is due is work for whoever hears of it first; without notifications, a second later."""
    site.polling |= {"every": "1h"}
    bills = [site.sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1000) for number in range(12)]
    site.source("meteroid")
    site.endpoint()
    use(site, postgres_url)
    waits: list[float] = []
    async with AsyncExitStack() as stack:
        (daemon,) = await runs(stack, site, "first")
        import_one = partial(operate, site, "watch", "add", "meteroid")
        for bill in bills:
            before = len(site.asked(bill.id))
            await import_one(bill.id)
            written_at = anyio.current_time()
            await until(lambda bill=bill, before=before: len(site.asked(bill.id)) > before, "it is polled")
            waits.append(site.asked(bill.id)[before] - written_at)
        daemon.process.terminate()
        assert await daemon.ended() == 0
    assert sorted(waits)[len(waits) // 2] < 0.25, waits


async def test_names_configurations_and_readiness_are_told(site: Site, postgres_url: str) -> None:
    site.source("meteroid")
    use(site, postgres_url)
    async with AsyncExitStack() as stack:
        first, second = await runs(stack, site, "first", "second")
        refused = await operate(site, "run", "--name", "first")
        assert refused.code == 1
        assert f"the name first is in use by another run (pid {first.process.pid} on " in refused.err
        site.watcher["grace"] = "1h"
        other = site.folder / "other.toml"
        site.write()
        other.write_text(site.config.read_text())
        site.watcher["grace"] = "0s"
        site.write()
        third = await stack.enter_async_context(started(site, "--name", "third", "--config", str(other)))
        await until(lambda: first.has_logged("replicas.differ", names=["third"]), "the difference is reported")
        rows = [json.loads(line) for line in (await operate(site, "replicas", "--json")).out.splitlines()]
        assert {row["name"]: (row["state"], row["config"]) for row in rows} == {
            "first": ("active", "same"),
            "second": ("active", "same"),
            "third": ("active", "differs"),
        }
        for daemon in (third, second):
            daemon.process.terminate()
            assert await daemon.ended() == 0
        await until(lambda: first.has_logged("replicas.same"), "they are the same again")
        rows = [json.loads(line) for line in (await operate(site, "replicas", "--json")).out.splitlines()]
        assert [row["name"] for row in rows] == ["first"]


async def test_run_waits_for_a_database_that_is_not_there_and_ends_well_when_asked_to(site: Site) -> None:
    site.source("meteroid")
    use(site, "postgresql://watcher:PLANTED@127.0.0.1:1/nowhere")
    async with started(site) as daemon:
        await until(lambda: daemon.has_logged("database.awaited", wait="2m"), "it says that it waits")
        daemon.process.terminate()
        assert await daemon.ended() == 0
    assert "PLANTED" not in daemon.log.read_text()
    use(site, "postgresql://watcher:PLANTED@127.0.0.1:1/nowhere", wait="1s")
    async with started(site) as daemon:
        assert await daemon.ended() == 1
    assert "error: PostgreSQL database nowhere at 127.0.0.1 cannot be reached" in daemon.log.read_text()
