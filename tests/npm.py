"""Installs the npm packages that a folder of tests has locked, with their hashes."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

_COMMAND = ("ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


def install_locked(folder: Path) -> Path:
    """The folder's `node_modules`; the test is skipped where npm is missing or cannot install them."""
    npm, lock = shutil.which("npm"), folder / "package-lock.json"
    if npm is None:
        pytest.skip("npm is not installed (Debian: apt install nodejs npm)")
    modules = folder / "node_modules"
    installed = modules / ".package-lock.json"
    with lock.open() as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)  # test processes run side by side and share the folder
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            run = subprocess.run(  # noqa: S603 -- npm with fixed words
                [npm, *_COMMAND], cwd=folder, capture_output=True, text=True, timeout=240, check=False
            )
            if run.returncode != 0:
                pytest.skip(f"npm could not install the locked packages: {run.stderr.strip()[-300:]}")
    return modules
