from collections.abc import AsyncIterator

import pytest

from tests.integration.sandbox.caller import Caller, MovableClock
from watcher.sandbox import Sandbox


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def sandbox(clock: MovableClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock) as sandbox:
        yield sandbox


@pytest.fixture
async def caller(sandbox: Sandbox, clock: MovableClock) -> AsyncIterator[Caller]:
    async with Caller(sandbox, clock) as caller:
        yield caller
