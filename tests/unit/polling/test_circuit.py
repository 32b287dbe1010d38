"""Whether one id or the whole account is at fault, and one alert for the account."""

import json
from datetime import timedelta

import pytest

from tests.fakes.clock import START, FakeClock
from tests.fakes.polling import MIDDLE, AccountsInMemory, NoWait, ScriptedProvider, plan
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, RateLimited, SlotMissed
from watcher.polling.circuit import Circuits
from watcher.polling.plan import SourcePlan
from watcher.polling.skew import SkewGuard
from watcher.ports import Form


class Scene:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.accounts = AccountsInMemory()
        self.provider = ScriptedProvider(self.clock)
        self.plan: SourcePlan = plan(self.provider)
        self.circuits = Circuits(self.accounts, self.clock, lambda: MIDDLE, SkewGuard(), lambda _: NoWait())

    async def fail(self, error: CredentialsRefused | ProviderUnavailable) -> bool:
        return await self.circuits.is_account_failing(self.plan, error, self.clock.now())

    async def look_after(self, wait: timedelta) -> None:
        self.clock.advance(wait)
        await self.circuits.look_after({"acme": self.plan})

    @property
    def told(self) -> list[str]:
        return [event.type for event in self.accounts.told]


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_one_bad_id_does_not_bring_the_account_down(scene: Scene) -> None:
    assert not await scene.fail(ProviderUnavailable("500"))
    assert len(scene.provider.probed) == 1
    assert scene.accounts.kept == {}


async def test_a_good_answer_meanwhile_is_proof_enough(scene: Scene) -> None:
    scene.circuits.answered("acme", START + timedelta(seconds=1))
    assert not await scene.fail(ProviderUnavailable("500"))
    assert scene.provider.probed == []


async def test_refused_credentials_confirmed_by_a_probe_are_told_at_once_and_only_once(scene: Scene) -> None:
    scene.provider.probe_refusals = [CredentialsRefused("401")] * 2
    assert await scene.fail(CredentialsRefused("401"))
    assert await scene.fail(CredentialsRefused("401"))
    assert len(scene.provider.probed) == 1
    assert scene.told == ["source.failing"]
    body = json.loads(scene.accounts.told[0].bodies[Form.FULL])
    assert body["data"]["reason"] == "credentials refused"
    assert body["data"]["since"] == "2026-11-22T10:00:00Z"


async def test_errors_are_told_after_failing_after_and_recovery_with_the_first_success(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502")] * 4
    assert await scene.fail(ProviderUnavailable("502"))
    assert scene.told == []
    await scene.look_after(timedelta(minutes=14))
    assert scene.told == []
    await scene.look_after(timedelta(minutes=5))
    assert scene.told == ["source.failing"]
    await scene.look_after(timedelta(minutes=6))
    await scene.look_after(timedelta(minutes=6))
    assert scene.told == ["source.failing", "source.recovered"]
    assert scene.accounts.kept == {}


async def test_a_short_failure_is_never_told(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502")]
    assert await scene.fail(ProviderUnavailable("502"))
    await scene.look_after(timedelta(seconds=6))
    assert scene.told == []
    assert scene.accounts.kept == {}


async def test_probes_come_ever_more_slowly(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502")] * 100
    await scene.fail(ProviderUnavailable("502"))
    for _ in range(600):
        await scene.look_after(timedelta(seconds=1))
    waits = [later - earlier for earlier, later in zip(scene.provider.probed, scene.provider.probed[1:], strict=False)]
    assert waits == sorted(waits)
    assert len(waits) < 10


async def test_a_probe_keeps_away_for_as_long_as_the_account_wishes(scene: Scene) -> None:
    scene.provider.probe_refusals = [RateLimited("429", retry_after=timedelta(minutes=5))]
    assert await scene.fail(ProviderUnavailable("502"))
    assert scene.accounts.kept["acme"].blocked_until == START + timedelta(minutes=5)
    await scene.look_after(timedelta(minutes=4))
    assert len(scene.provider.probed) == 1
    await scene.look_after(timedelta(minutes=2))
    assert len(scene.provider.probed) == 2
    assert scene.accounts.kept == {}


async def test_a_probe_that_could_not_be_sent_proves_nothing_against_the_account(scene: Scene) -> None:
    scene.provider.probe_refusals = [SlotMissed("late")]
    assert await scene.fail(ProviderUnavailable("502"))
    assert scene.accounts.kept == {}


async def test_accounts_that_are_not_asked_are_counted(scene: Scene) -> None:
    plans = {"acme": scene.plan}
    assert await scene.circuits.given_up(plans) == 0
    await scene.accounts.back_off("acme", START + timedelta(seconds=1))
    assert await scene.circuits.given_up(plans) == 1
    scene.clock.advance(timedelta(seconds=2))
    assert await scene.circuits.given_up(plans) == 0
    scene.provider.probe_refusals = [ProviderUnavailable("502")]
    await scene.fail(ProviderUnavailable("502"))
    assert await scene.circuits.given_up(plans) == 1
    assert await scene.circuits.given_up({}) == 0
