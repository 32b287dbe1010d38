from collections.abc import Awaitable, Callable
from datetime import timedelta

import anyio
import pytest

from tests.fakes.provider_server import StillClock, UnlimitedRate
from watcher.core.errors import CredentialsRefused, ProviderUnavailable, SlotMissed, WatcherError
from watcher.ports import RateLimiter
from watcher.providers.toolkit.access_token import LONGEST, SHORTEST, Token, TokenKeeper, read_lifetime

MARGIN = timedelta(minutes=5)


class TokenEndpoint:
    """Hands out numbered tokens, or the error it is asked to; held, it answers nobody until released."""

    def __init__(self, clock: StillClock, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.clock, self.lifetime = clock, lifetime
        self.calls = 0
        self.error: WatcherError | None = None
        self.released = anyio.Event()
        self.released.set()

    async def fetch(self, limiter: RateLimiter) -> Token:
        await limiter.wait()
        self.calls += 1
        asked_at = self.clock.now()
        await self.released.wait()
        if self.error is not None:
            raise self.error
        return Token(f"token-{self.calls}", asked_at, self.lifetime)


@pytest.fixture
def endpoint(clock: StillClock) -> TokenEndpoint:
    return TokenEndpoint(clock)


@pytest.fixture
def keeper(endpoint: TokenEndpoint, clock: StillClock) -> TokenKeeper:
    return TokenKeeper(endpoint.fetch, clock, margin=MARGIN)


async def outcome_of(ask: Callable[[], Awaitable[str]]) -> str:
    try:
        return await ask()
    except WatcherError as error:
        return type(error).__name__


async def at_once(count: int, endpoint: TokenEndpoint, ask: Callable[[], Awaitable[str]]) -> list[str]:
    """Let `count` tasks ask while the endpoint is held, then release it."""
    endpoint.released = anyio.Event()
    got: list[str] = []

    async def one() -> None:
        got.append(await outcome_of(ask))

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(one)
        await anyio.wait_all_tasks_blocked()
        endpoint.released.set()
    return got


async def test_many_tasks_share_one_token_call(
    keeper: TokenKeeper, endpoint: TokenEndpoint, limiter: UnlimitedRate
) -> None:
    assert await at_once(20, endpoint, lambda: keeper.value(limiter)) == ["token-1"] * 20
    assert endpoint.calls == 1


@pytest.mark.parametrize("error", [CredentialsRefused("no"), ProviderUnavailable("down")])
async def test_those_who_waited_share_a_failure_and_the_next_one_asks_again(
    keeper: TokenKeeper, endpoint: TokenEndpoint, limiter: UnlimitedRate, error: WatcherError
) -> None:
    endpoint.error = error
    assert await at_once(20, endpoint, lambda: keeper.value(limiter)) == [type(error).__name__] * 20
    assert endpoint.calls == 1
    endpoint.error = None
    assert await keeper.value(limiter) == "token-2"


async def test_a_missed_slot_is_the_own_fault_of_who_missed_it(
    keeper: TokenKeeper, endpoint: TokenEndpoint, limiter: UnlimitedRate
) -> None:
    endpoint.error = SlotMissed("late")
    assert await at_once(3, endpoint, lambda: keeper.value(limiter)) == ["SlotMissed"] * 3
    assert endpoint.calls == 3


async def test_a_live_token_is_handed_out_while_another_task_renews_it(
    keeper: TokenKeeper, endpoint: TokenEndpoint, clock: StillClock, limiter: UnlimitedRate
) -> None:
    await keeper.value(limiter)
    clock.advance(timedelta(minutes=56))
    assert sorted(await at_once(5, endpoint, lambda: keeper.value(limiter))) == ["token-1"] * 4 + ["token-2"]
    assert endpoint.calls == 2


async def test_a_renewal_that_fails_leaves_the_live_token_in_use_and_is_not_repeated_at_once(
    keeper: TokenKeeper, endpoint: TokenEndpoint, clock: StillClock, limiter: UnlimitedRate
) -> None:
    await keeper.value(limiter)
    clock.advance(timedelta(minutes=56))
    endpoint.error = ProviderUnavailable("down")
    assert [await keeper.value(limiter) for _ in range(3)] == ["token-1"] * 3
    assert endpoint.calls == 2
    clock.advance(timedelta(minutes=4))
    with pytest.raises(ProviderUnavailable):
        await keeper.value(limiter)


async def test_a_lifetime_shorter_than_the_margin_is_no_tight_loop(clock: StillClock, limiter: UnlimitedRate) -> None:
    endpoint = TokenEndpoint(clock, lifetime=timedelta(minutes=2))
    keeper = TokenKeeper(endpoint.fetch, clock, margin=MARGIN)
    for _ in range(59):
        await keeper.value(limiter)
        clock.advance(timedelta(seconds=1))
    assert endpoint.calls == 1
    clock.advance(timedelta(seconds=1))
    assert await keeper.value(limiter) == "token-2"


async def test_a_refused_token_is_replaced_once_for_all_who_were_refused(
    keeper: TokenKeeper, endpoint: TokenEndpoint, limiter: UnlimitedRate
) -> None:
    refused = await keeper.value(limiter)
    assert await at_once(5, endpoint, lambda: keeper.replacement(refused, limiter)) == ["token-2"] * 5
    assert endpoint.calls == 2


async def test_renewing_ahead_fetches_only_near_the_end(
    keeper: TokenKeeper, endpoint: TokenEndpoint, clock: StillClock, limiter: UnlimitedRate
) -> None:
    await keeper.renew_if_ending(limiter)
    clock.advance(timedelta(minutes=54, seconds=59))
    await keeper.renew_if_ending(limiter)
    assert endpoint.calls == 1
    clock.advance(timedelta(seconds=1))
    await keeper.renew_if_ending(limiter)
    assert endpoint.calls == 2


def test_a_token_does_not_show_itself(clock: StillClock) -> None:
    assert "hush" not in repr(Token("hush", clock.now(), MARGIN))


@pytest.mark.parametrize(
    ("given", "lifetime"),
    [
        (60, timedelta(hours=1)),
        ("60", timedelta(hours=1)),
        (0, SHORTEST),
        (-5, SHORTEST),
        (10**40, LONGEST),
        (None, timedelta(minutes=7)),
        (True, timedelta(minutes=7)),
        ("soon", timedelta(minutes=7)),
    ],
)
def test_a_lifetime_is_read_in_its_unit_and_bounded(given: object, lifetime: timedelta) -> None:
    assert read_lifetime(given, unit=timedelta(minutes=1), default=timedelta(minutes=7)) == lifetime
