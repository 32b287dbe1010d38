"""`make install`, once for all workers, and machines that run what it made."""

import fcntl
import os
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.acceptance.daemon import Site
from tests.integration.repository import ROOT
from tests.systemd.machine import PYTHON, Machine, booted, lacking
from tests.systemd.site import set_up
from watcher.sandbox import Receiver, Sandbox


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The DESTDIR of a `make install`; skipped where no systemd can be booted. Copy it, it is not yours."""
    if reason := lacking():
        pytest.skip(reason)
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    destination = shared / "installed"
    with (shared / "installed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers share it
        if not destination.exists():
            make("install", destination)
    return destination


def make(target: str, destination: Path, **variables: str) -> str:
    done = subprocess.run(  # noqa: S603 -- our own Makefile
        ["make", target, f"PYTHON={PYTHON}", f"DESTDIR={destination}", *(f"{n}={v}" for n, v in variables.items())],  # noqa: S607 -- make is on every developer's path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
async def machine(tmp_path: Path, installed: Path) -> AsyncGenerator[Machine]:
    async with booted(tmp_path / "machine", installed) as up:
        yield up


@pytest.fixture
async def site(machine: Machine) -> AsyncGenerator[Site]:
    """Everything systemd/README.md sets up on the machine, before the first start; nothing is watched yet."""
    async with Sandbox() as sandbox, Receiver() as receiver:
        yield await set_up(machine, sandbox, receiver)
