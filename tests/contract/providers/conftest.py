from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.provider_server import ProviderServer, StillClock, UnlimitedRate, account, provider_server
from watcher.providers.toolkit.http import ProviderHttp
from watcher.providers.toolkit.session import open_session


@pytest.fixture
async def server() -> AsyncIterator[ProviderServer]:
    async with provider_server() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def limiter() -> UnlimitedRate:
    return UnlimitedRate()


@pytest.fixture
def http(session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock) -> ProviderHttp:
    return ProviderHttp(session, account(server.url), clock)
