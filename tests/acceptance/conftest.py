from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.acceptance.daemon import Site
from watcher.sandbox import Receiver, Sandbox


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    """A folder for a configuration, with an empty sandbox and a receiver, and the endpoint `ledger` for everything."""
    async with Sandbox() as sandbox, Receiver() as receiver:
        made = Site(tmp_path, sandbox, receiver)
        made.endpoint()
        yield made
