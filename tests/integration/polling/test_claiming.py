"""When the poller asks its queue, and about which sources."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.fakes.invoices import invoice
from tests.fakes.poller import Scene
from tests.fakes.polling import found, plan
from watcher.polling.rate_limit import Spacing
from watcher.ports import Claim, ClaimRequest
from watcher.store import SqlPollQueue

OPEN = found(invoice(due=None))


async def test_no_claim_is_made_while_enough_is_claimed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"inv_{number}" for number in range(600)]
    await scene.watch(*names)
    scene.configure(spacing=Spacing.of(10_000))
    scene.provider.hold()
    asked = _asked_for(scene, monkeypatch)
    async with scene.running():
        await scene.elapse(seconds=5)
        scene.provider.let_go()
    assert asked == [["acme"]]


@pytest.mark.parametrize("woken", [False, True])
async def test_a_source_that_got_nothing_is_asked_about_again_when_something_may_have_changed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, *, woken: bool
) -> None:
    await scene.watch("inv_1")
    scene.provider.results = {"inv_1": OPEN}
    scene.configure(plan(scene.provider, name="other"))
    asked = _asked_for(scene, monkeypatch, wake_during=1 if woken else 0)
    async with scene.running():
        await scene.elapse(seconds=0.5)
        at_once = list(asked)
        await scene.elapse(seconds=1)
    assert at_once == [["acme", "other"], ["acme", "other"] if woken else ["acme"]]
    assert asked[2] == ["acme", "other"]


def _asked_for(scene: Scene, monkeypatch: pytest.MonkeyPatch, *, wake_during: int = 0) -> list[list[str]]:
    """The sources of every claim from now on. The poller is woken during the first `wake_during` of them."""
    asked: list[list[str]] = []
    claim = SqlPollQueue.claim

    async def noted(
        queue: SqlPollQueue, now: datetime, requests: Sequence[ClaimRequest], lease: timedelta
    ) -> tuple[Claim, ...]:
        asked.append([request.source for request in requests])
        if len(asked) <= wake_during:
            scene.poller.wake()
        return await claim(queue, now, requests, lease)

    monkeypatch.setattr(SqlPollQueue, "claim", noted)
    return asked
