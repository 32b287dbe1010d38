"""What a subscriber is told of an invoice's life, through the whole program."""

from datetime import date

from tests.acceptance.daemon import Site

DUE = date(2036, 1, 31)


async def test_a_payment_is_told_once_with_everything_that_changed(site: Site) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 107_998, DUE)
    site.source("meteroid")
    site.watch("meteroid", "inv_1", tags=["vip"])

    async with site.running():
        await site.hears("inv_1", "tracked")
        site.sandbox.ledger.pay(bill)
        tracked, paid = await site.hears("inv_1", "tracked", "paid")
        await site.looks_again("inv_1")

    assert [body["data"]["sequence"] for body in (tracked, paid)] == [1, 2]
    assert tracked["data"]["observed_after"] is None
