"""Several `run`s on one PostgreSQL and one digest: one message for a period, whoever of them is lost meanwhile."""

import signal
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack

import anyio
import pytest

from tests.acceptance.daemon import ALIVE_AFTER, Daemon, Site, until
from tests.acceptance.messages import Mailbox, end_period, mailbox, notified
from tests.acceptance.operating import started
from tests.fakes.message_text import Facts
from watcher.sandbox import Bill
from watcher.sandbox.bill import number_of

pytestmark = pytest.mark.timeout(150)

LOST_SECONDS = {signal.SIGKILL: 10, signal.SIGSTOP: 30}
OWN_BEATS_SECONDS = 8
"""A replica calls nobody lost before it has beaten for some seconds itself."""


@pytest.fixture(name="box")
async def fixture_box() -> AsyncGenerator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture(name="bills")
def fixture_bills(site: Site, box: Mailbox, postgres_url: str) -> Sequence[Bill]:
    bills = [site.sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1000) for number in range(6)]
    site.source("meteroid")
    site.watch("meteroid", *(bill.id for bill in bills))
    notified(site, box)
    (site.folder / "database").write_text(postgres_url)
    site.database = {"url": {"file": "database"}}
    site.write()
    return bills


async def runs(stack: AsyncExitStack, site: Site, *names: str) -> list[Daemon]:
    daemons = [await stack.enter_async_context(started(site, "--name", name)) for name in names]
    await until(lambda: all(daemon.has_logged(ALIVE_AFTER) for daemon in daemons), "all run")
    return daemons


async def paid(site: Site, bills: Sequence[Bill]) -> None:
    """They are paid, and the daemon has recorded it."""
    for bill in bills:
        await site.hears(bill.id, "tracked")
        site.sandbox.ledger.pay(bill)
    for bill in bills:
        await site.hears(bill.id, "tracked", "paid")


def about(*bills: Bill) -> Facts:
    return Counter({("invoice.paid", number_of(bill)): 1 for bill in bills})


async def test_two_replicas_send_one_message_for_each_period(
    site: Site, box: Mailbox, bills: Sequence[Bill], postgres_url: str
) -> None:
    rounds = [bills[0:1], bills[1:3], bills[3:6]]
    async with AsyncExitStack() as stack:
        first, second = await runs(stack, site, "first", "second")
        for number, these in enumerate(rounds):
            await paid(site, these)
            assert await end_period(postgres_url) == len(these)
            await until(lambda number=number: len(box.messages) > number, "the digest comes")
        assert await end_period(postgres_url) == 0, "all of them are settled"
        await anyio.sleep(2.5)  # both have looked again
        for daemon in (first, second):
            daemon.process.terminate()
            assert await daemon.ended() == 0
    assert [message.facts for message in box.messages] == [about(*these) for these in rounds]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hanging"])
async def test_a_digest_that_a_lost_replica_was_sending_is_sent_by_another_and_settled_once(
    site: Site, box: Mailbox, bills: Sequence[Bill], postgres_url: str, number: signal.Signals
) -> None:
    async with AsyncExitStack() as stack:
        (first,) = await runs(stack, site, "first")
        await paid(site, bills)
        box.is_silent = True
        assert await end_period(postgres_url) == len(bills)
        await until(lambda: box.messages, "the first replica has sent it, and waits for the answer")
        first.signal(number)
        box.is_silent = False
        (second,) = await runs(stack, site, "second")
        within = LOST_SECONDS[number] + OWN_BEATS_SECONDS
        await until(lambda: len(box.messages) > 1, "the second replica sends it", within=within)
        await until(lambda: second.has_logged("digest.attempted", outcome="delivered"), "it is settled")
        if number is signal.SIGSTOP:
            first.signal(signal.SIGCONT)
            await until(lambda: first.has_logged("delivery.lease_lost"), "the late result writes nothing")
        await anyio.sleep(2.5)
        rows = await site.command("deliveries", "--endpoint", "finance", "--state", "delivered")
        assert len(rows) == len(bills)
        assert await end_period(postgres_url) == 0
    assert [message.facts for message in box.messages] == [about(*bills)] * 2
