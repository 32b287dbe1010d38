"""`make sbom`: what runs, with all extras in their locked versions, as a CycloneDX bill of materials in dist/.

The wheel of dist/ is installed into an environment of its own, twice: both have to give the same bytes.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

from packaging.utils import canonicalize_name

import watcher
from release import DIST, EXTRAS, ROOT
from release.build import checksums, source_date
from release.licences import run_time

FILE = DIST / f"invoice-watcher-{watcher.__version__}.cdx.json"


def project(text: str) -> str:
    """pyproject.toml with the version in it: the tool does not know where ours stands."""
    return text.replace('dynamic = ["version"]', f'version = "{watcher.__version__}"')


def bill(tools: Path, folder: Path) -> bytes:
    python = folder / "venv" / "bin" / "python"
    uv = [sys.executable, "-m", "uv", "--no-config", "--quiet"]
    (wheel,) = DIST.glob("*.whl")
    wanted = f"invoice-watcher[{','.join(EXTRAS)}] @ {wheel.as_uri()}"
    _run([*uv, "venv", "--python", sys.executable, folder / "venv"])
    # The lock's hashes are checked; what it has for building alone is not installed.
    _run([*uv, "pip", "install", "--python", python, "--constraint", ROOT / "requirements" / "run.txt", wanted])
    (folder / "pyproject.toml").write_text(project((ROOT / "pyproject.toml").read_text("utf-8")), "utf-8")
    written = folder / "sbom.json"
    options = ["--output-reproducible", "--validate", "--pyproject", folder / "pyproject.toml", "-o", written]
    _run([tools / "cyclonedx-py", "environment", *options, python])
    return written.read_bytes()


def components(document: bytes) -> dict[str, str]:
    """The versions of the packages in a bill of materials."""
    read = cast("dict[str, Any]", json.loads(document))
    return {canonicalize_name(one["name"]): one["version"] for one in read["components"]}


def main(tools: Path) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        document, again = bill(tools, Path(one)), bill(tools, Path(other))
    if document != again:
        sys.exit("Two bills of materials of the same packages differ")
    if components(document) != (expected := {one.package: one.version for one in run_time()}):
        sys.exit(f"The bill of materials differs from what runs: {components(document).items() ^ expected.items()}")
    FILE.write_bytes(document)
    print(f"{len(expected)} packages", checksums([FILE]), sep="\n", end="")


def _run(command: list[object]) -> None:
    words = [str(word) for word in command]
    subprocess.run(words, check=True, cwd=ROOT, env={**os.environ, "SOURCE_DATE_EPOCH": str(source_date(ROOT))})  # noqa: S603 -- our own words


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
