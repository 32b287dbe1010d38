"""Clock events, with a new poll if one is possible and without one if not."""

from datetime import timedelta

from tests.fakes.invoices import invoice
from tests.fakes.poller import Scene
from tests.fakes.polling import found
from watcher.core.errors import ProviderUnavailable

MINUTE = timedelta(minutes=1)


async def test_the_poll_falls_on_the_instant_and_records_what_has_come(scene: Scene) -> None:
    await scene.watch("inv_1")
    due_at = scene.clock.now() + MINUTE
    scene.provider.results = {"inv_1": found(invoice(due=due_at))}
    async with scene.running():
        await scene.elapse(seconds=50)
        assert len(scene.provider.asked) == 1
        await scene.elapse(seconds=12)
    assert len(scene.provider.asked) == 2
    assert scene.provider.asked[1][0] - due_at < timedelta(seconds=2)
    assert await scene.recorded() == ["invoice.overdue"]


async def test_without_a_new_poll_it_is_recorded_after_clock_wait_from_the_last_snapshot(scene: Scene) -> None:
    await scene.watch("inv_1")
    seen_at = scene.clock.now()
    scene.provider.results = {"inv_1": found(invoice(due=seen_at + MINUTE))}
    scene.configure(clock_wait=timedelta(seconds=30))
    async with scene.running():
        await scene.elapse(seconds=1)
        scene.provider.poison = {"inv_1": ProviderUnavailable("HTTP 502")}
        scene.provider.probe_refusals = [ProviderUnavailable("HTTP 502")] * 100
        await scene.elapse(seconds=80)
        assert await scene.recorded() == []
        await scene.elapse(seconds=15)
        assert await scene.recorded() == ["invoice.overdue"]
        scene.provider.poison = {}
        scene.provider.probe_refusals.clear()
        await scene.elapse(minutes=2)
    assert await scene.recorded() == ["invoice.overdue"]
    assert (await scene.bodies())[1]["data"]["snapshot_at"] == "2026-11-22T10:00:00Z"


async def test_a_clock_that_jumps_ahead_records_nothing_that_is_not_true(scene: Scene) -> None:
    await scene.watch("inv_1")
    true_time = scene.clock.now()
    scene.provider.server_date = true_time
    scene.provider.results = {"inv_1": found(invoice(due=true_time + 30 * 24 * 60 * MINUTE))}
    async with scene.running():
        await scene.elapse(seconds=1)
        scene.provider.hold()
        scene.clock.advance(timedelta(days=60))
        await scene.elapse(seconds=5)
        scene.provider.let_go()
        await scene.elapse(seconds=5)
    assert len(scene.provider.asked) == 2
    assert await scene.recorded() == []
    assert scene.poller.skew.holds(scene.clock.now())


async def test_while_a_clock_is_wrong_nothing_is_recorded_and_afterwards_everything(scene: Scene) -> None:
    await scene.watch("inv_1")
    now = scene.clock.now()
    scene.provider.results = {"inv_1": found(invoice(due=now + MINUTE))}
    scene.provider.server_date = now - timedelta(minutes=10)
    async with scene.running():
        await scene.elapse(seconds=70)
        assert await scene.recorded() == []
        scene.provider.server_date = None
        scene.clock.advance(timedelta(hours=1, minutes=1))
        scene.provider.server_date = scene.clock.now()
        await scene.elapse(seconds=5)
    assert await scene.recorded() == ["invoice.overdue"]
