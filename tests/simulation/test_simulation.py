"""A dozen seeds keep every promise, and a seed is the same on every run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.repository import ROOT

pytestmark = pytest.mark.timeout(400)


def simulate(*arguments: str | Path) -> str:
    done = subprocess.run(  # noqa: S603 -- this repository's own module
        [sys.executable, "-m", "tests.simulation", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_dozen_seeds_keep_every_promise() -> None:
    told = simulate("--seeds", "12", "--days", "1.5")
    assert "0 seeds broke a promise" in told
    for nothing in (" 0 events", " 0 deaths", " 0 processes stopped"):
        assert nothing not in told


def test_a_seed_is_the_same_on_every_run(tmp_path: Path) -> None:
    for name in ("once", "again"):
        simulate("--first", "5", "--seeds", "1", "--days", "1", "--trace", tmp_path / name)
    once = (tmp_path / "once").read_bytes()
    assert once == (tmp_path / "again").read_bytes()
    for happened in (b" arrived evt_", b" files: ", b" is dead", b" goes on"):
        assert happened in once
