"""Killed at any moment: nothing is lost, and what comes twice is the same to the byte."""

import signal

import pytest

from tests.acceptance.daemon import ALIVE_AFTER, Site, until
from tests.acceptance.operating import operate, started

pytestmark = pytest.mark.timeout(300)


async def test_a_second_run_on_the_same_file_names_the_first_and_a_dead_one_holds_nothing(site: Site) -> None:
    site.source("meteroid")
    site.write()
    async with started(site) as first:
        await until(lambda: first.has_logged(ALIVE_AFTER), "it runs")
        second, once = await operate(site, "run"), await operate(site, "run", "--once")
        assert (second.code, once.code) == (1, 1)
        for refused in (second, once):
            assert refused.out == ""
            assert refused.err.startswith("error: ")
            assert f"(pid {first.process.pid})" in refused.err
        await first.kill()
    assert (await operate(site, "run", "--once")).code == 0


async def test_a_kill_while_a_webhook_is_in_flight_sends_the_same_bytes_again(site: Site) -> None:
    site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.source("meteroid")
    site.watch("meteroid", "inv_1")
    site.endpoint(timeout="10m")
    site.receiver.hang_next()
    async with site.running() as daemon:
        await until(lambda: site.receiver.deliveries, "it is in flight")
        daemon.signal(signal.SIGKILL)
        await daemon.ended()
    async with site.running():
        await until(lambda: len(site.receiver.deliveries) == 2, "it is sent again, and not only when its lease ends")
    first, second = site.receiver.deliveries
    assert (first.id, first.body) == (second.id, second.body)
