"""`run --once`: everything that is due, once, and an end."""

from dataclasses import replace
from datetime import datetime, timedelta

from tests.fakes.invoices import invoice
from tests.fakes.poller import Scene
from tests.fakes.polling import ScriptedProvider, found, plan
from watcher.core.errors import ProviderUnavailable
from watcher.core.scheduling.allocation import HazardGroup


def at_once(hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
    """A policy that never rests."""
    del hazard_group, jitter
    return now


async def test_all_that_is_due_is_polled_once(scene: Scene) -> None:
    names = [f"inv_{number}" for number in range(12)]
    await scene.watch(*names)
    scene.provider.results = dict.fromkeys(names, found(invoice(due=None)))
    await scene.run_once()
    assert sorted(one for _, ids in scene.provider.asked for one in ids) == sorted(names)
    assert (scene.poller.recorder.polled, scene.poller.recorder.failed) == (12, 0)


async def test_what_falls_due_again_meanwhile_waits_for_the_next_run(scene: Scene) -> None:
    await scene.watch("inv_1", "inv_2", "inv_3")
    scene.configure(rate=1 / 60, regular=at_once)
    await scene.run_once()
    assert sorted(one for _, ids in scene.provider.asked for one in ids) == ["inv_1", "inv_2", "inv_3"]


async def test_a_slow_source_keeps_no_other_waiting(scene: Scene) -> None:
    many = [f"inv_{number}" for number in range(20)]
    await scene.watch(*many)
    await scene.watch("slow_1", "slow_2", source="other")
    slow = ScriptedProvider(scene.clock)
    scene.configure(replace(plan(slow, rate=1 / 60), name="other", provider_name="dollr"))
    await scene.run_once()
    assert len(slow.asked) == 2
    assert len(scene.provider.asked) == 20
    assert scene.sent_at[-1] - scene.sent_at[0] < timedelta(seconds=30)


async def test_an_account_given_up_by_an_earlier_run_is_probed_first(scene: Scene) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": found(invoice(due=None))}
    scene.provider.refusals = [ProviderUnavailable("HTTP 502")]
    scene.provider.probe_refusals = [ProviderUnavailable("HTTP 502")]
    await scene.run_once()
    assert scene.poller.recorder.failed == 1
    scene.clock.advance(timedelta(minutes=15))
    again = Scene(scene.store, scene.clock, scene.provider)
    await again.run_once()
    assert (await again.row("inv_1")).version == 1
