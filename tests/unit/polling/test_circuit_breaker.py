"""Whether one id or the whole account is at fault, and one alert for the account."""

import json
from datetime import timedelta

import anyio
import pytest

from tests.fakes.clock import START, FakeClock
from tests.fakes.polling import MIDDLE, AccountsInMemory, NoWait, ScriptedProvider, plan
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, RateLimited, SlotMissed
from watcher.polling.circuit_breaker import CircuitBreakers
from watcher.polling.clock_skew import SkewGuard
from watcher.polling.source_plan import SourcePlan
from watcher.ports import Form


class Scene:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.accounts = AccountsInMemory()
        self.provider = ScriptedProvider(self.clock)
        self.plan: SourcePlan = plan(self.provider)
        self.circuit_breakers = CircuitBreakers(
            self.accounts,
            self.clock,
            lambda: MIDDLE,
            SkewGuard(),
            lambda _: NoWait(),
            plans=dict,
            on_recovery=lambda: None,
        )

    async def fail(self) -> bool:
        return await self.circuit_breakers.is_account_failing(self.plan, self.clock.now())

    async def supervise(self, wait: timedelta) -> None:
        self.clock.advance(wait)
        async with anyio.create_task_group() as probing:
            await self.circuit_breakers.supervise({"acme": self.plan}, probing)

    @property
    def recorded(self) -> list[str]:
        return [event.type for event in self.accounts.recorded]


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_one_bad_id_does_not_bring_the_account_down(scene: Scene) -> None:
    assert not await scene.fail()
    assert len(scene.provider.probed) == 1
    assert scene.accounts.kept == {}


async def test_a_good_answer_meanwhile_is_proof_enough(scene: Scene) -> None:
    scene.circuit_breakers.answered("acme", START + timedelta(seconds=1))
    assert not await scene.fail()
    assert scene.provider.probed == []


async def test_refused_credentials_confirmed_by_a_probe_are_recorded_at_once_and_only_once(scene: Scene) -> None:
    scene.provider.probe_refusals = [CredentialsRefused("401")] * 2
    assert await scene.fail()
    assert await scene.fail()
    assert len(scene.provider.probed) == 1
    assert scene.recorded == ["source.failing"]
    body = json.loads(scene.accounts.recorded[0].bodies[Form.FULL])
    assert body["data"]["reason"] == "credentials refused"
    assert body["data"]["since"] == "2026-11-22T10:00:00Z"


async def test_errors_are_recorded_after_failing_after_and_recovery_with_the_first_success(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502")] * 4
    assert await scene.fail()
    assert scene.recorded == []
    await scene.supervise(timedelta(minutes=14))
    assert scene.recorded == []
    await scene.supervise(timedelta(minutes=5))
    assert scene.recorded == ["source.failing"]
    await scene.supervise(timedelta(minutes=6))
    await scene.supervise(timedelta(minutes=6))
    assert scene.recorded == ["source.failing", "source.recovered"]
    assert scene.accounts.kept == {}


async def test_a_refused_id_is_no_refused_account_where_the_account_is_only_away(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502")]
    assert await scene.fail()
    assert not scene.accounts.kept["acme"].refused
    assert scene.recorded == []


async def test_credentials_that_a_later_probe_finds_refused_are_recorded_at_once(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502"), CredentialsRefused("401"), CredentialsRefused("401")]
    assert await scene.fail()
    await scene.supervise(timedelta(seconds=6))
    assert scene.recorded == ["source.failing"]
    assert json.loads(scene.accounts.recorded[0].bodies[Form.FULL])["data"]["reason"] == "credentials refused"
    await scene.supervise(timedelta(minutes=1))
    assert scene.recorded == ["source.failing"]


async def test_a_failure_counts_from_its_first_request_not_from_its_confirmation(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502")]
    asked_at = scene.clock.now()
    scene.clock.advance(timedelta(seconds=15))
    assert await scene.circuit_breakers.is_account_failing(scene.plan, asked_at)
    assert scene.accounts.kept["acme"].failing_since == asked_at


async def test_many_misses_at_once_ask_a_failing_account_once(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502")] * 9
    answers: list[bool] = []

    async def ask() -> None:
        answers.append(await scene.circuit_breakers.answers(scene.plan, START))

    async with anyio.create_task_group() as group:
        for _ in range(9):
            group.start_soon(ask)
    assert answers == [False] * 9
    assert len(scene.provider.probed) == 1
    assert scene.accounts.kept["acme"].probe_at is not None


async def test_a_short_failure_is_never_recorded(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502")]
    assert await scene.fail()
    await scene.supervise(timedelta(seconds=6))
    assert scene.recorded == []
    assert scene.accounts.kept == {}


async def test_probes_come_ever_more_slowly(scene: Scene) -> None:
    scene.provider.probe_refusals = [ProviderUnavailable("502")] * 100
    await scene.fail()
    for _ in range(600):
        await scene.supervise(timedelta(seconds=1))
    waits = [later - earlier for earlier, later in zip(scene.provider.probed, scene.provider.probed[1:], strict=False)]
    assert waits == sorted(waits)
    assert len(waits) < 10


async def test_a_probe_keeps_away_for_as_long_as_the_account_asks(scene: Scene) -> None:
    scene.provider.probe_refusals = [RateLimited("429", retry_after=timedelta(minutes=5))]
    assert await scene.fail()
    assert scene.accounts.kept["acme"].blocked_until == START + timedelta(minutes=5)
    await scene.supervise(timedelta(minutes=4))
    assert len(scene.provider.probed) == 1
    await scene.supervise(timedelta(minutes=2))
    assert len(scene.provider.probed) == 2
    assert scene.accounts.kept == {}


async def test_a_probe_that_could_not_be_sent_proves_nothing_against_the_account(scene: Scene) -> None:
    scene.provider.probe_refusals = [SlotMissed("late")]
    assert await scene.fail()
    assert scene.accounts.kept == {}


async def test_accounts_that_are_not_asked_are_known(scene: Scene) -> None:
    plans = {"acme": scene.plan}
    assert await scene.circuit_breakers.paused_accounts(plans) == set()
    await scene.accounts.back_off("acme", START, START + timedelta(seconds=1))
    assert await scene.circuit_breakers.paused_accounts(plans) == {"acme"}
    scene.clock.advance(timedelta(seconds=2))
    assert await scene.circuit_breakers.paused_accounts(plans) == set()
    scene.provider.probe_refusals = [ProviderUnavailable("502")]
    await scene.fail()
    assert await scene.circuit_breakers.paused_accounts(plans) == {"acme"}
    assert await scene.circuit_breakers.paused_accounts({}) == set()
