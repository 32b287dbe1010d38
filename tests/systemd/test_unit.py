"""The unit file by itself, as systemd's own tools judge it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.repository import ROOT
from tests.integration.repository.documents import SYSTEMD
from watcher.config.settings import WatcherSettings

pytestmark = pytest.mark.timeout(180)

UNIT = ROOT / "systemd" / "invoice-watcher.service"
TEMPLATE = ROOT / "systemd" / "invoice-watcher@.service"
DIFFERENT = ("#", "Description=", "ExecStart=", "StateDirectory")
"""How the lines begin in which the two units differ."""
MOST_EXPOSED = 1.5


@pytest.fixture(scope="module", name="analyze")
def fixture_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd is not installed (Debian: apt install systemd)")
    return found


def run(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 -- systemd's own tools
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_service_is_exposed_no_more_than_the_readme_says(analyze: str) -> None:
    output = run(analyze, "security", "--offline=true", "--no-pager", UNIT)
    (exposure,) = re.findall(r"Overall exposure level for invoice-watcher.service: (\S+)", output)
    assert float(exposure) <= MOST_EXPOSED, output
    assert f"gives it {exposure} of 10" in SYSTEMD.read_text("utf-8")


def test_systemd_finds_no_mistake_in_the_installed_unit(analyze: str, installed: Path, tmp_path: Path) -> None:
    """`verify` wants the program where the unit says, so it is named where it is."""
    text = (installed / "etc/systemd/system/invoice-watcher.service").read_text()
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace("=/opt/", f"={installed}/opt/"))
    assert run(analyze, "verify", "--man=false", unit) == ""


def test_systemd_gives_more_time_to_stop_than_the_service_takes_by_default() -> None:
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text("utf-8"), re.MULTILINE)
    assert int(seconds) >= WatcherSettings().shutdown_grace.total_seconds() + 15
    assert f"has {seconds} seconds to finish what is in progress" in SYSTEMD.read_text("utf-8")


def test_several_on_one_machine_are_confined_like_a_single_one() -> None:
    one, several = (
        [line for line in path.read_text("utf-8").splitlines() if not line.startswith(DIFFERENT)]
        for path in (UNIT, TEMPLATE)
    )
    assert one == several
