"""Node and the packages of `package-lock.json`, where this machine has Node."""

import shutil
from pathlib import Path

import pytest

from tests.npm import install_locked

HERE = Path(__file__).parent


@pytest.fixture(scope="session", name="node")
def fixture_node() -> str:
    """The path of Node; skipped where there is none or npm cannot install what the lock names."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed (Debian: apt install nodejs npm)")
    install_locked(HERE)
    return node
