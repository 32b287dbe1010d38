"""Meteroid's conformance tests, run against its adapter file."""

import aiohttp
import pytest

from tests.contract.providers.test_meteroid import *  # noqa: F403 -- the same tests with another fixture
from tests.contract.providers.test_meteroid import KEY
from tests.fakes.adapter_files import file_kind
from tests.fakes.provider_server import ProviderServer, StillClock, adapter
from watcher.ports import Provider


@pytest.fixture
def meteroid(session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock) -> Provider:
    return adapter(file_kind("meteroid"), session, server.url, clock, {"api_key": KEY})
