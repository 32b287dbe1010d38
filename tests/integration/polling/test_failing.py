"""An account that gives nothing but errors of one kind, whatever the kind, is reported once."""

from datetime import timedelta

from tests.fakes.invoices import invoice
from tests.fakes.poller import Scene
from tests.fakes.polling import EVERY, found
from watcher.core.errors import InvalidAnswer, ProviderUnavailable, RateLimited
from watcher.ports import Failed

OPEN = found(invoice(due=None))


async def jump(scene: Scene, period: timedelta) -> None:
    scene.clock.advance(period)
    await scene.elapse(seconds=2)


async def test_nothing_but_429_for_long_enough_is_a_failure_too(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": OPEN}
    scene.provider.refusals = [RateLimited("HTTP 429", retry_after=timedelta(minutes=5))] * 4
    async with scene.running():
        for _ in range(3):
            await jump(scene, timedelta(minutes=5))
        assert await scene.recorded() == ["source.failing"]
        await jump(scene, timedelta(minutes=5))
    assert await scene.recorded() == ["source.failing", "source.recovered"]
    failing = next(body for body in await scene.bodies() if body["type"] == "source.failing")
    assert failing["data"]["since"] == "2026-11-22T10:00:00Z"


async def test_a_429_now_and_then_is_none(scene: Scene) -> None:
    scene.configure(failing_after=timedelta(seconds=1))
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": OPEN}
    async with scene.running():
        for _ in range(3):
            scene.provider.refusals = [RateLimited("HTTP 429", retry_after=timedelta(seconds=5))]
            await jump(scene, EVERY)
            await jump(scene, timedelta(seconds=5))
    assert await scene.recorded() == []


async def test_answers_that_nobody_can_read_are_the_accounts_fault_if_a_control_call_fails_like_them(
    scene: Scene,
) -> None:
    scene.configure(failing_after=timedelta(seconds=10))
    await scene.watch("inv_1", "inv_2")
    scene.provider.results = dict.fromkeys(("inv_1", "inv_2"), Failed(InvalidAnswer("not JSON")))
    scene.provider.probe_refusals = [ProviderUnavailable("not JSON")] * 3
    async with scene.running():
        await scene.elapse(seconds=1)
        await jump(scene, timedelta(seconds=10))
        assert await scene.recorded() == ["source.failing"]


async def test_one_answer_that_nobody_can_read_is_its_own_fault(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": Failed(InvalidAnswer("over 30 digits"))}
    async with scene.running():
        await scene.elapse(seconds=2)
    assert len(scene.provider.probed) == 1
    assert (await scene.row("inv_1")).state == "failing"
    assert (await scene.source()).probe_at is None
