"""Node and the packages of `package-lock.json`, where this machine has Node."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LOCK = HERE / "package-lock.json"
INSTALLED = HERE / "node_modules" / ".package-lock.json"


@pytest.fixture(scope="session", name="node")
def fixture_node() -> str:
    """The path of Node; skipped where there is none or npm cannot install what the lock names."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js and npm are not installed (Debian: apt install nodejs npm)")
    with LOCK.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes run side by side and share the folder
        if not INSTALLED.exists() or INSTALLED.stat().st_mtime < LOCK.stat().st_mtime:
            install(npm)
    return node


def install(npm: str) -> None:
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    run = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=240, check=False)  # noqa: S603 -- npm with fixed words
    if run.returncode != 0:
        pytest.skip(f"npm could not install the locked packages: {run.stderr.strip()[-300:]}")
