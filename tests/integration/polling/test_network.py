"""Our own network is down: every source fails to connect, and none of them is to blame."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fakes.invoices import invoice
from tests.fakes.poller import Scene
from tests.fakes.polling import EVERY, ScriptedProvider, found, plan
from watcher.core.errors import CredentialsRefused, ListRefused, ProviderUnavailable, Unreachable, WatcherError
from watcher.polling import SourcePlan

OPEN = found(invoice(due=None))
SOON = timedelta(seconds=20)
NAMES = [f"inv_{number}" for number in range(9)]
LOST: Sequence[WatcherError] = [Unreachable("cannot connect")] * 1000


class Outage:
    """Two sources at two hosts, watched and polled once, that can both be cut off."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.other = ScriptedProvider(scene.clock, results={"bill_1": OPEN})
        scene.provider.results = dict.fromkeys(NAMES, OPEN)
        scene.provider.pages = [ListRefused("no")]

    def configure(self, host: str = "two.example") -> None:
        other: SourcePlan = plan(self.other, name="other", host=host, failing_after=SOON)
        self.scene.configure(other, host="one.example", failing_after=SOON)

    async def watch(self) -> None:
        await self.scene.watch(*NAMES)
        await self.scene.watch("bill_1", source="other")

    def begin(self) -> None:
        for provider in (self.scene.provider, self.other):
            provider.refusals, provider.probe_refusals = list(LOST), list(LOST)

    def end(self) -> None:
        for provider in (self.scene.provider, self.other):
            provider.refusals, provider.probe_refusals = [], []


def lines(logs: Sequence[Mapping[str, Any]], *prefixes: str) -> list[str]:
    return [str(line["event"]) for line in logs if str(line["event"]).startswith(prefixes)]


@pytest.fixture
async def outage(scene: Scene) -> Outage:
    made = Outage(scene)
    made.configure()
    await made.watch()
    return made


async def test_it_rests_with_one_line_and_goes_on_with_another_and_blames_no_provider(outage: Outage) -> None:
    scene = outage.scene
    with capture_logs() as logs:
        async with scene.running():
            await scene.elapse(seconds=3)
            outage.begin()
            scene.clock.advance(EVERY * 1.06)
            await scene.elapse(seconds=3)
            asked = len(scene.provider.asked)
            for _ in range(4):
                scene.clock.advance(SOON)
                await scene.elapse(seconds=2)
            assert len(scene.provider.asked) == asked, "nothing is polled meanwhile"
            outage.end()
            scene.clock.advance(timedelta(seconds=30))
            await scene.elapse(seconds=4)
    assert lines(logs, "network.", "source.") == ["network.lost", "network.recovered"]
    assert await scene.recorded() == []
    for name in NAMES:
        row = await scene.row(name)
        assert (row.state, row.failures, row.misses) == ("active", 0, 0)
        assert row.polled_at > scene.clock.now() - timedelta(seconds=5)


async def test_a_provider_that_cannot_be_reached_while_another_can_is_to_blame(outage: Outage) -> None:
    scene = outage.scene
    async with scene.running():
        await scene.elapse(seconds=3)
        scene.provider.refusals, scene.provider.probe_refusals = list(LOST), list(LOST)
        scene.clock.advance(EVERY * 1.06)
        await scene.elapse(seconds=3)
        scene.clock.advance(SOON)
        await scene.elapse(seconds=2)
        assert await scene.recorded() == ["source.failing"]
        assert outage.other.asked[-1][0] > scene.clock.now() - SOON - timedelta(seconds=10)


async def test_another_that_refuses_our_keys_has_been_reached(outage: Outage) -> None:
    scene = outage.scene
    async with scene.running():
        await scene.elapse(seconds=3)
        outage.begin()
        outage.other.probe_refusals = [CredentialsRefused("HTTP 401")] * 100
        scene.clock.advance(EVERY * 1.06)
        await scene.elapse(seconds=3)
        assert (await scene.source()).failing_since is not None


async def test_sources_at_one_host_prove_nothing_about_our_network(outage: Outage) -> None:
    outage.configure(host="one.example")
    scene = outage.scene
    async with scene.running():
        await scene.elapse(seconds=3)
        outage.begin()
        scene.clock.advance(EVERY * 1.06)
        await scene.elapse(seconds=3)
        scene.clock.advance(SOON)
        await scene.elapse(seconds=2)
    assert set(await scene.recorded()) == {"source.failing"}


async def test_a_server_that_answers_with_errors_is_no_lost_network(outage: Outage) -> None:
    scene = outage.scene
    async with scene.running():
        await scene.elapse(seconds=3)
        for provider in (scene.provider, outage.other):
            provider.refusals = [ProviderUnavailable("HTTP 502")] * 100
            provider.probe_refusals = [ProviderUnavailable("HTTP 502")] * 100
        scene.clock.advance(EVERY * 1.06)
        await scene.elapse(seconds=3)
        assert (await scene.source()).failing_since is not None
        assert (await scene.source("other")).failing_since is not None


async def test_a_single_run_without_a_network_says_that_no_source_was_asked(outage: Outage) -> None:
    outage.begin()
    unasked = list[int]()

    async def run_once() -> None:
        unasked.append(await outage.scene.poller.run_once())

    await outage.scene.at_work(run_once)
    assert unasked == [2]


async def test_after_an_outage_the_longest_due_goes_first_and_no_second_sees_more_than_the_rate(scene: Scene) -> None:
    outage = Outage(scene)
    outage.configure()
    await outage.watch()
    async with scene.running():
        await scene.elapse(seconds=3)
        outage.begin()
        scene.clock.advance(EVERY * 1.06)
        await scene.elapse(seconds=3)
        late = [f"late_{number}" for number in range(9)]
        scene.provider.results |= dict.fromkeys(late, OPEN)
        scene.clock.advance(timedelta(hours=2))
        await scene.watch(*late)
        outage.end()
        asked = len(scene.provider.asked)
        scene.clock.advance(timedelta(seconds=30))
        await scene.elapse(seconds=7)
    again = scene.provider.asked[asked:]
    order = [name for _, ids in again for name in ids]
    assert sorted(order) == sorted([*NAMES, *late]), "each once: nobody starves, nobody is asked for twice"
    assert set(order[: len(NAMES)]) == set(NAMES), "what has been due for longest goes first"
    sent = [at for at, _ in again]
    for first, sent_at in enumerate(sent):
        assert len([at for at in sent[first:] if at < sent_at + timedelta(seconds=1)]) <= 5
    assert outage.other.asked[-1][0] <= sent[0] + timedelta(seconds=3), "and no source waits for another"
