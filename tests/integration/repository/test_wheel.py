"""What is installed is whole: files that are no modules come along."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.integration.repository import ROOT, tracked_files


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 -- fixed words
    (wheel,) = tmp_path.iterdir()
    package = {str(path.relative_to(ROOT)) for path in tracked_files() if path.is_relative_to(ROOT / "watcher")}
    assert "watcher/web/page/templates/overview.html" in package
    with zipfile.ZipFile(wheel) as archive:
        assert package <= set(archive.namelist())
