"""Lists with partial rows, invoices that have left a list, and polls that do not wait for its end."""

from datetime import datetime, timedelta

from tests.fakes.lists import NAMES, in_pages, one, partial, watched, whole
from tests.fakes.poller import Scene
from tests.fakes.polling import EVERY, found
from watcher.core.errors import ListRefused
from watcher.core.invoices.invoice import Status
from watcher.core.scheduling.allocation import HazardGroup

FAR = timedelta(days=2)


def seldom(hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
    del hazard_group, jitter
    return now + FAR


def evenly(hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
    del hazard_group, jitter
    return now + EVERY


async def test_absence_from_a_list_is_no_miss(scene: Scene) -> None:
    await watched(scene)
    scene.provider.pages = in_pages([whole(name) for name in NAMES[1:]])
    async with scene.running():
        for _ in range(3):
            await scene.elapse(seconds=3)
            scene.clock.advance(EVERY)
    assert (await scene.row("inv_0")).misses == 0
    assert (await scene.row("inv_0")).status == "open"


async def test_a_partial_row_that_says_nothing_new_puts_off_the_poll_and_one_that_does_brings_it(scene: Scene) -> None:
    await watched(scene)
    scene.provider.omits = frozenset({"line_count"})
    scene.provider.pages = in_pages([partial(name) for name in NAMES], 30)
    async with scene.running():
        await scene.elapse(seconds=8)
        before = await scene.row("inv_7")
        scene.provider.results["inv_8"] = found(one("inv_8", Status.PAID, line_count=3), b"paid")
        scene.provider.pages = in_pages(
            [partial(name, Status.PAID if name == "inv_8" else Status.OPEN) for name in NAMES], 30
        )
        scene.clock.advance(EVERY * 1.06)
        asked = len(scene.provider.asked)
        await scene.elapse(seconds=3)
        polled = [name for _, ids in scene.provider.asked[asked:] for name in ids]
    assert "inv_8" in polled
    assert len(polled) < 15
    assert await scene.recorded() == ["invoice.paid"]
    after = await scene.row("inv_7")
    assert after.poll_at > before.poll_at
    assert after.fetched_at == before.fetched_at, "a partial row is no poll"
    (body,) = [body for body in await scene.bodies() if body["type"] == "invoice.paid"]
    assert body["data"]["invoice"]["line_count"] == 3, "what rows lack is never blanked"


async def test_what_partial_rows_cannot_refresh_is_learned_by_one_page_and_costs_no_round_later(scene: Scene) -> None:
    await watched(scene)
    scene.provider.omits = frozenset({"line_count"})
    scene.provider.pages = in_pages([partial(name) for name in NAMES], 10)
    async with scene.running():
        await scene.elapse(seconds=8)
        assert len(scene.provider.listed) == 1, "nothing was ever polled: no partial row may stand for that"
        asked = len(scene.provider.asked)
        assert asked == len(NAMES)
        scene.clock.advance(EVERY * 1.06)
        await scene.elapse(seconds=3)
    assert len(scene.provider.listed) == 1 + 3
    assert len(scene.provider.asked) < asked + 15


async def test_what_left_the_list_is_asked_for_by_id_soon_and_once(scene: Scene) -> None:
    await watched(scene)
    scene.provider.results = {name: found(one(name), b"open") for name in NAMES}
    scene.configure(regular=seldom, discover=True)
    async with scene.running():
        await scene.elapse(seconds=8)
        scene.provider.pages = in_pages([whole(name) for name in NAMES[2:]])
        scene.provider.results["inv_0"] = found(one("inv_0", Status.PAID), b"paid")
        scene.clock.advance(EVERY)
        asked = len(scene.provider.asked)
        await scene.elapse(seconds=8)
        assert [name for _, ids in scene.provider.asked[asked:] for name in ids] == ["inv_0", "inv_1"]
        assert await scene.recorded() == ["invoice.paid"]
        for _ in range(3):
            scene.clock.advance(EVERY)
            await scene.elapse(seconds=8)
        later = [name for _, ids in scene.provider.asked[asked:] for name in ids]
    assert later.count("inv_1") == 1, "it is not on the list for a reason of its own"
    assert len(scene.provider.listed) > 4 * 6


async def test_a_list_that_breaks_off_says_nothing_of_who_left_it(scene: Scene) -> None:
    await watched(scene)
    scene.configure(regular=seldom, discover=True)
    async with scene.running():
        await scene.elapse(seconds=8)
        scene.provider.pages = [*in_pages([whole(name) for name in NAMES[:15]]), ListRefused("no such row")]
        scene.clock.advance(EVERY)
        asked = len(scene.provider.asked)
        await scene.elapse(seconds=8)
    assert len(scene.provider.asked) == asked


async def test_what_cannot_wait_is_polled_during_a_long_round_and_the_rest_waits_for_its_page(scene: Scene) -> None:
    await watched(scene)
    strangers = [whole(f"inv_{number}") for number in range(1000, 1500)]
    scene.configure(discover=True, rate=2, regular=evenly)
    scene.provider.pages = in_pages([whole(name) for name in NAMES])
    async with scene.running():
        await scene.elapse(seconds=12)
        scene.provider.pages = in_pages([*strangers, *(whole(name) for name in NAMES)])
        scene.clock.advance(EVERY)
        await scene.elapse(seconds=3)
        asked, listed = len(scene.provider.asked), len(scene.provider.listed)
        await scene.watches.request_poll("acme", "inv_7", scene.clock.now())
        await scene.watch("inv_new")
        await scene.elapse(seconds=8)
        polled = [name for _, ids in scene.provider.asked[asked:] for name in ids]
        assert sorted(polled) == ["inv_7", "inv_new"]
        assert len(scene.provider.listed) > listed + 10, "the round goes on"
        sent = sorted([*scene.sent_at, *scene.provider.listed])
        for first, sent_at in enumerate(sent):
            assert len([at for at in sent[first:] if at < sent_at + timedelta(seconds=1)]) <= 2


async def test_a_changed_row_is_polled_before_the_round_that_records_of_it_ends(scene: Scene) -> None:
    await watched(scene)
    scene.provider.omits = frozenset({"line_count"})
    strangers = [partial(f"inv_{number}") for number in range(1000, 1500)]
    scene.configure(discover=False, rate=2)
    scene.provider.pages = [ListRefused("not yet")]
    async with scene.running():
        await scene.elapse(seconds=30)
        rows = [partial(name, Status.PAID if name == "inv_8" else Status.OPEN) for name in NAMES]
        scene.provider.pages = in_pages([*rows, *strangers], 30)
        scene.provider.results["inv_8"] = found(one("inv_8", Status.PAID, line_count=3), b"paid")
        scene.clock.advance(timedelta(hours=2))
        listed = len(scene.provider.listed)
        await scene.elapse(seconds=7)
        assert await scene.recorded() == ["invoice.paid"]
        assert len(scene.provider.listed) < listed + len(scene.provider.pages)


async def test_partial_rows_never_stand_for_a_poll_that_is_older_than_slowest(scene: Scene) -> None:
    await watched(scene)
    scene.provider.omits = frozenset({"line_count"})
    scene.provider.pages = in_pages([partial(name) for name in NAMES], 30)
    async with scene.running():
        await scene.elapse(seconds=8)
        scene.clock.advance(scene.plan.poll_rules.slowest)
        asked = len(scene.provider.asked)
        await scene.elapse(seconds=8)
    assert len(scene.provider.asked) == asked + len(NAMES)


async def test_a_row_that_changed_after_the_last_poll_is_polled_whatever_it_says(scene: Scene) -> None:
    await watched(scene)
    scene.provider.omits = frozenset({"line_count"})
    async with scene.running():
        scene.provider.pages = in_pages([partial(name) for name in NAMES], 30)
        await scene.elapse(seconds=8)
        later = scene.clock.now() + timedelta(minutes=1)
        rows = [partial(name, changed_at=later if name == "inv_3" else None) for name in NAMES]
        scene.provider.pages = in_pages(rows, 30)
        scene.clock.advance(EVERY * 1.06)
        asked = len(scene.provider.asked)
        await scene.elapse(seconds=3)
    polled = [name for _, ids in scene.provider.asked[asked:] for name in ids]
    assert "inv_3" in polled
    assert len(polled) < 15
