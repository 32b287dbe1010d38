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


@pytest.mark.parametrize("first", ["1", "5", "9"])
def test_a_dozen_seeds_keep_every_promise(first: str) -> None:
    told = simulate("--first", first, "--seeds", "4", "--days", "2")
    assert "0 seeds broke a promise" in told
    assert " 0 events" not in told


def test_a_seed_is_the_same_on_every_run(tmp_path: Path) -> None:
    for name in ("once", "again"):
        simulate("--first", "3", "--seeds", "1", "--days", "2", "--trace", tmp_path / name)
    once = (tmp_path / "once").read_bytes()
    assert once == (tmp_path / "again").read_bytes()
    assert b" arrived evt_" in once
