import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.repository import ROOT

SKIPPING = """
import pytest

@pytest.mark.skip(reason="no database here")
def test_that_is_skipped(): ...

@pytest.mark.xfail(reason="known", strict=True)
def test_that_is_expected_to_fail():
    assert False
"""


def run_pytest(folder: Path, text: str, *, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_sample.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.skips", "-p", "no:cacheprovider", "-c", os.devnull]
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    return subprocess.run(  # noqa: S603 -- our own interpreter and file
        [*command, "--rootdir", folder, folder],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_skipped_test_fails_the_run_in_ci_and_says_why(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, SKIPPING, ci="true")
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "skipped, which CI does not allow: Skipped: no database here" in run.stdout
    assert "1 xfailed, 1 error" in run.stdout


def test_a_skipped_test_is_let_pass_elsewhere(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, SKIPPING, ci="")
    assert run.returncode == pytest.ExitCode.OK
    assert "1 skipped, 1 xfailed" in run.stdout


def test_a_module_skipped_at_import_fails_the_run_in_ci(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, 'import pytest\npytest.importorskip("no_such_package")\n', ci="true")
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert "No module named 'no_such_package'" in run.stdout
