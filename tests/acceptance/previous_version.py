"""The version of this program before the newest migration, from the repository's own history in a venv of its own."""

import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from watcher.store.migrate import MIGRATIONS, REVISIONS

ROOT = Path(__file__).parents[2]


def install_previous_version(folder: Path) -> Path:
    """Returns its Python. Skipped aloud where there is no history to build it from."""
    return install(_commit(), folder)


def install(commit: str, folder: Path) -> Path:
    """The program of a commit, with what it was locked to. Returns its Python."""
    archive = _run("git", "archive", "--format=tar", commit)
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder / "source", filter="data")
    uv, venv = (sys.executable, "-m", "uv", "--no-config", "--quiet"), folder / "venv"
    _run(*uv, "venv", "--python", sys.executable, str(venv))
    into = ("pip", "install", "--python", str(venv))
    _run(*uv, *into, "--require-hashes", "-r", str(folder / "source" / "requirements" / "run.txt"))
    _run(*uv, *into, "--no-deps", "--no-build-isolation", str(folder / "source"))
    return venv / "bin" / "python"


def newest_commit(revision: str) -> str:
    """The last commit of the main line whose newest migration is this one."""
    for commit in _run("git", "rev-list", "--first-parent", "HEAD").decode().split():
        named = _run("git", "ls-tree", "--name-only", commit, "watcher/store/migrations/versions/").decode().split()
        if max((Path(one).name for one in named), default="").startswith(f"{revision}_"):
            return commit
    raise LookupError(f"no commit ends with migration {revision}")


def _commit() -> str:
    """The commit before the one that added the newest migration; the last commit while that is not committed yet."""
    (newest,) = (MIGRATIONS / "versions").glob(f"{REVISIONS[-1]}_*.py")
    adding = ("git", "log", "-1", "--diff-filter=A", "--format=%P", "--", str(newest))
    try:
        parents = _run(*adding).split()
        return parents[0].decode() if parents else _run("git", "rev-parse", "HEAD").decode().strip()
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the previous version is built from git's history, and there is none here ({error})")


def _run(*command: str) -> bytes:
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=300).stdout  # noqa: S603 -- our own words
