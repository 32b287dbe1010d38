"""An account that refuses, fails or wants to be left alone: one alert, no storm, and polls that resume."""

from datetime import timedelta

import pytest

from tests.fakes.invoices import invoice
from tests.fakes.poller import Scene
from tests.fakes.polling import EVERY, found
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, RateLimited, WatcherError

OPEN = found(invoice(due=None))
SOON = timedelta(seconds=20)


async def test_a_429_stops_the_whole_account_for_as_long_as_it_says(scene: Scene) -> None:
    await scene.watch("inv_1", "inv_2", "inv_3")
    scene.provider.results = {"inv_1": OPEN}
    scene.provider.refusals = [RateLimited("HTTP 429", retry_after=timedelta(seconds=30))]
    async with scene.running():
        await scene.elapse(seconds=29)
        assert len(scene.provider.asked) == 1
        await scene.elapse(seconds=4)
        assert len(scene.provider.asked) == 4
    row = await scene.row("inv_1")
    assert (row.state, row.failures) == ("active", 0)
    assert await scene.recorded() == []


async def test_an_account_that_answers_nothing_is_given_up_probed_and_taken_up_again(scene: Scene) -> None:
    await scene.watch(*(f"inv_{number}" for number in range(20)))
    scene.configure(failing_after=SOON)
    scene.provider.refusals = [ProviderUnavailable("HTTP 502")] * 20
    scene.provider.probe_refusals = [ProviderUnavailable("HTTP 502")] * 4
    async with scene.running():
        await scene.elapse(seconds=30)
        asked = len(scene.provider.asked)
        assert asked <= 10
        assert await scene.recorded() == ["source.failing"]
        scene.provider.refusals.clear()
        await scene.elapse(seconds=60)
        assert len(scene.provider.asked) == asked + 20
    assert await scene.recorded() == ["source.failing", "source.recovered"]
    failing, recovered = (body["data"] for body in await scene.bodies())
    assert failing["since"] == recovered["since"] == "2026-11-22T10:00:00Z"
    assert (await scene.row("inv_7")).failures == 0


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("HTTP 429", retry_after=timedelta(seconds=5)),
        RateLimited("HTTP 429"),
        ProviderUnavailable("HTTP 503", retry_after=timedelta(seconds=5)),
    ],
)
async def test_an_account_that_only_ever_puts_off_is_failing_too(scene: Scene, error: ProviderUnavailable) -> None:
    await scene.watch("inv_1")
    scene.configure(failing_after=SOON)
    scene.provider.results = {"inv_1": OPEN}
    scene.provider.refusals = [error] * 100
    scene.provider.probe_refusals = [error] * 100
    async with scene.running():
        await scene.elapse(seconds=19)
        assert await scene.recorded() == []
        await scene.elapse(seconds=40)
        assert await scene.recorded() == ["source.failing"]
        scene.provider.refusals.clear()
        scene.provider.probe_refusals.clear()
        await scene.elapse(minutes=2)
    assert await scene.recorded() == ["source.failing", "source.recovered"]
    assert (await scene.row("inv_1")).version == 1


async def test_a_probe_that_waits_for_a_slow_rate_stops_no_loop(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.configure(rate=1 / 3600)
    scene.provider.refusals = [CredentialsRefused("HTTP 401")]
    async with scene.running():
        await scene.elapse(seconds=10)
        scene.turns.clear()
        await scene.elapse(seconds=10)
        assert scene.turns.count("accounts") >= 9


async def test_one_id_that_fails_every_request_it_is_in_fails_alone(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(8)]
    await scene.watch(*names)
    scene.provider.batch_size = 8
    scene.provider.results = dict.fromkeys(names, OPEN)
    poison: dict[str, WatcherError] = {"inv_5": ProviderUnavailable("HTTP 500")}
    scene.provider.poison = poison
    async with scene.running():
        await scene.elapse(seconds=10)
    states = {name: (await scene.row(name)).state for name in names}
    assert states == dict.fromkeys(names, "active") | {"inv_5": "failing"}
    assert await scene.recorded() == []


async def test_a_batch_of_misses_is_deleted_with_one_question(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(8)]
    await scene.watch(*names)
    scene.provider.batch_size = 8
    scene.provider.results = dict.fromkeys(names, OPEN)
    async with scene.running():
        await scene.elapse(seconds=1)
        scene.provider.results.clear()
        for _ in range(3):
            scene.clock.advance(EVERY)
            await scene.elapse(seconds=3)
    assert await scene.recorded() == ["invoice.deleted"] * 8
    assert len(scene.provider.probed) == 1


async def test_no_token_is_renewed_for_an_account_that_is_left_alone(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.refusals = [CredentialsRefused("HTTP 401")]
    scene.provider.probe_refusals = [CredentialsRefused("HTTP 401")]
    async with scene.running():
        await scene.poller.renew_tokens()
        assert scene.provider.renewed == 1
        await scene.elapse(seconds=2)
        await scene.poller.renew_tokens()
        assert scene.provider.renewed == 1
        await scene.elapse(seconds=10)
        await scene.poller.renew_tokens()
    assert scene.provider.renewed == 2


async def test_what_a_stalled_event_loop_missed_is_asked_for_again_within_the_rate(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(20)]
    await scene.watch(*names)
    scene.provider.results = dict.fromkeys(names, OPEN)
    async with scene.running():
        await scene.elapse(seconds=1.1)
        scene.clock.advance(timedelta(seconds=3))
        await scene.elapse(seconds=8)
    assert sorted(one for _, ids in scene.provider.asked for one in ids) == sorted(names)
    for first, sent_at in enumerate(scene.sent_at):
        assert len([at for at in scene.sent_at[first:] if at < sent_at + timedelta(seconds=1)]) <= 6
