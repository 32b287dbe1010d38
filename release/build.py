"""`make dist`: the source package, and the wheel made from it, the same bytes from every build of one commit."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from release import DIST, ROOT

_NO_DATE = 1_580_601_600
"""What hatchling takes where nothing tells a date."""


def source_date(tree: Path) -> int:
    """The instant that all files of the packages get, in seconds since 1970.

    $SOURCE_DATE_EPOCH where it is set; else that of the last commit; in an unpacked source package, that of the commit
    it was made from. See https://reproducible-builds.org/specs/source-date-epoch/.
    """
    if named := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(named)
    if (tree / ".git").exists():
        return int(_git(tree, "log", "-1", "--format=%ct"))
    facts = tree / "PKG-INFO"
    return int(facts.stat().st_mtime) if facts.exists() else _NO_DATE


def build(tree: Path, folder: Path) -> tuple[Path, ...]:
    """Build both packages of a source tree into a folder, with the build backend of this environment."""
    command = [sys.executable, "-m", "uv", "--no-config", "build", "--quiet", "--offline", "--no-build-isolation"]
    subprocess.run(  # noqa: S603 -- fixed words
        [*command, "--no-create-gitignore", "--python", sys.executable, "--out-dir", folder, tree],
        check=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(source_date(tree))},
    )
    return tuple(sorted(path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz"))))


def checksums(packages: Iterable[Path]) -> str:
    """Lines that `sha256sum --check` reads."""
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in packages)


def main() -> None:
    if (ROOT / ".git").exists() and (changed := _git(ROOT, "status", "--porcelain")):
        print(f"Not committed, and in the packages all the same:\n{changed}", file=sys.stderr)
    shutil.rmtree(DIST, ignore_errors=True)
    sums = checksums(build(ROOT, DIST))
    (DIST / "SHA256SUMS").write_text(sums)
    print(sums, end="")


def _git(tree: Path, *words: str) -> str:
    # A clone that belongs to somebody else is one that git would not read.
    command = ["git", "-c", f"safe.directory={tree}", "-C", str(tree), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip()  # noqa: S603 -- fixed words


if __name__ == "__main__":
    main()
