"""How often a provider is asked, as its server sees it."""

from collections.abc import Sequence
from datetime import timedelta

from tests.acceptance.bills import FAR, FAR_INSTANT
from tests.acceptance.daemon import Site, until
from watcher.sandbox import Fault, FaultKind

JITTER_SECONDS = 0.3
"""What a busy machine does to the instants at which the sandbox sees requests."""


def most_over(arrivals: Sequence[float], rate: float) -> float:
    """By how many requests the worst window exceeds what the rate allows."""
    allowance = max(1.0, rate)
    return max(
        (last - first + 1) - rate * (arrivals[last] - arrivals[first] + JITTER_SECONDS) - allowance
        for first in range(len(arrivals))
        for last in range(first, len(arrivals))
    )


async def test_no_window_ever_holds_more_requests_than_the_rate_allows_even_across_a_crash(site: Site) -> None:
    """An import of 200 at 5/s, tokens and requests at 1/s, every request of whatever kind counted."""
    ledger = site.sandbox.ledger
    many = [f"inv_{number}" for number in range(200)]
    few = [str(number) for number in range(10)]
    for invoice_id in many:
        ledger.create("meteroid", invoice_id, "EUR", 100, FAR)
    for invoice_id in few:
        ledger.create("dollr", invoice_id, "EUR", 100, FAR_INSTANT)
        ledger.create("fragment", invoice_id, "EUR", 100)
    site.source("meteroid", rate="5/s")
    site.source("dollr", rate="1/s")
    site.source("fragment", rate="1/s")
    for name, ids in (("meteroid", many), ("dollr", few), ("fragment", few)):
        site.watch(name, *ids)

    async with site.running() as daemon:
        await until(lambda: len(site.asked(provider="meteroid")) >= 20, "the import runs")
        site.sandbox.expire_tokens("fragment")
        await daemon.kill()
    before = len(site.asked(provider="meteroid"))
    async with site.running():
        await until(lambda: len(site.asked(provider="meteroid")) >= before + 20, "the import goes on")

    asked = {name: site.asked(provider=name) for name in site.sources}
    over = {name: most_over(arrivals, {"meteroid": 5}.get(name, 1)) for name, arrivals in asked.items()}
    assert {name: round(amount, 2) for name, amount in over.items() if amount > 0} == {}
    assert len(site.asked("token", provider="fragment")) >= 2
    assert len(asked["dollr"]) >= 4
    assert asked["meteroid"][-1] - asked["meteroid"][0] < 60, "a rate is also there to be used"


async def test_slow_answers_do_not_hold_up_other_requests(site: Site) -> None:
    ids = [f"inv_{number}" for number in range(12)]
    for invoice_id in ids:
        site.sandbox.ledger.create("meteroid", invoice_id, "EUR", 100, FAR)
    site.sandbox.fail_next("meteroid", Fault(FaultKind.SLOW, delay=timedelta(seconds=4)), times=len(ids))
    site.source("meteroid")
    site.watch("meteroid", *ids)
    async with site.running():
        await until(lambda: len(site.recorded()) == len(ids), "all are tracked")

    asked = site.asked(provider="meteroid")[: len(ids)]
    assert asked[-1] - asked[0] < 4
