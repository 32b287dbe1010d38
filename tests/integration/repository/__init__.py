"""What the repository says of itself is true: docs, sizes, locks, layers."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def tracked_files() -> tuple[Path, ...]:
    """What git would carry to a fresh clone, new files included; skipped where this is no clone."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("git is not installed, or this is no clone: nothing tells which files are the repository's")
    # A clone that belongs to somebody else, as CI may have it, is one that git would not read.
    command = [git, "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 -- fixed words
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())
