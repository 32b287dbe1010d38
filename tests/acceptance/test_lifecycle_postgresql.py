"""Two replicas on one PostgreSQL database, and the commands beside them."""

import json
from collections import Counter

import pytest

from tests.acceptance.daemon import ALIVE_AFTER, Site, until
from tests.acceptance.operating import operate_all, started
from tests.fakes import postgresql

pytestmark = pytest.mark.timeout(150)

RATE = 5
WINDOW = 3


async def test_two_replicas_report_each_event_once_share_the_rate_and_take_over(site: Site, postgres_url: str) -> None:
    bills = [site.sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1000) for number in range(8)]
    site.source("meteroid", rate=f"{RATE}/s")
    site.watch("meteroid", *(bill.id for bill in bills))
    site.write()
    (site.folder / "database").write_text(postgres_url)
    site.config.write_text('[database]\nurl = { file = "database" }\n' + site.config.read_text())
    async with started(site) as one, started(site) as other:
        await until(lambda: one.has_logged(ALIVE_AFTER) and other.has_logged(ALIVE_AFTER), "both run")
        await until(lambda: len(site.recorded()) == len(bills), "all are tracked")
        for bill in bills:
            site.sandbox.ledger.pay(bill)
        await until(lambda: len(site.recorded()) == 2 * len(bills), "all are paid")
        added, copied, listed, recorded = await operate_all(
            site,
            "watch remove meteroid inv_0",
            "db backup copy.db",
            "sources --json",
            "events --json --type invoice.paid",
        )
        assert added.code == 1
        assert (copied.code, "backed up with PostgreSQL's own pg_dump" in copied.err) == (1, True)
        assert json.loads(listed.out)["watches"] == len(bills)
        assert len(recorded.out.splitlines()) == len(bills)
        one.process.terminate()
        assert await one.ended() == 0
        site.sandbox.ledger.chargeback(bills[0], 500)
        await until(lambda: len(site.recorded("inv_0")) == 3, "the other goes on")
        other.process.terminate()
        assert await other.ended() == 0
    assert max(Counter(delivery.id for delivery in site.receiver.deliveries).values()) == 1
    assert postgres_url not in one.log.read_text() + other.log.read_text()
    assert [body["data"]["sequence"] for body in site.bodies("inv_0")] == [1, 2, 3]
    sent_at = sorted(site.asked(provider="meteroid"))
    for first, at in enumerate(sent_at):
        assert sum(later < at + WINDOW for later in sent_at[first:]) <= RATE * WINDOW + RATE


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_behind_a_pooler_it_runs_in_session_mode_and_else_says_why_not(
    site: Site, postgres_url: str, mode: str
) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.write()
    try:
        with postgresql.pooler(postgres_url, mode) as url:
            site.config.write_text(f'[database]\nurl = "{url}"\n' + site.config.read_text())
            async with started(site) as daemon:
                if mode == "session":
                    await site.hears("inv_1", "tracked")
                    daemon.process.terminate()
                assert await daemon.ended() == (0 if mode == "session" else 1)
    except postgresql.PostgresqlMissing as missing:
        pytest.skip(str(missing))
    output = [line for line in daemon.log.read_text().splitlines() if line.startswith("error: ")]
    assert "Traceback" not in daemon.log.read_text()
    assert [("set pool_mode = session" in line) for line in output] == ([] if mode == "session" else [True])


async def test_a_database_that_is_not_there_is_named_without_its_password(site: Site, postgres_url: str) -> None:
    site.source("meteroid")
    site.write()
    text = site.config.read_text()
    urls = {
        "postgresql://watcher:PLANTED@127.0.0.1:1/nowhere": "cannot be reached",
        postgres_url.replace("/test_", "/missing_"): "has no such database",
    }
    for url, words in urls.items():
        (site.folder / "database").write_text(url)
        site.config.write_text('[database]\nwait = "0s"\nurl = { file = "database" }\n' + text)
        for done in await operate_all(site, "run", "watch list", "db check"):
            assert (done.code, done.out) == (1, ""), done
            assert words in done.err, done
            assert "PLANTED" not in done.err
