"""Which Pythons the tests are run on, and that one which is not there is said aloud."""

import sys
from pathlib import Path

import pytest

from release import pythons
from release.pythons import Interpreter, asked, find, report, supported

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_versions_are_those_that_the_package_names() -> None:
    assert "3.11" in supported()
    assert HERE in supported()


def test_an_interpreter_is_found_by_its_path() -> None:
    found = find(sys.executable, asked)
    assert (found.path, found.version) == (Path(sys.executable), sys.version.split()[0])


def test_a_shim_that_runs_nothing_is_passed_over_for_pyenvs_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyenv puts every version's name on the path, also of those that are switched off."""
    shim, real = tmp_path / "shims" / "python3.77", tmp_path / "versions" / "3.77.1" / "bin" / "python"
    for path, text in ((shim, "#!/bin/sh\nexit 127\n"), (real, "#!/bin/sh\necho 3.77.1\n")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert find("3.77", asked) == Interpreter("3.77", real, "3.77.1")
    assert find("3.7", asked) == Interpreter("3.7", None)


def test_one_that_could_not_be_had_is_said_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert pythons.main(["--pythons", "3.99"]) == 1
    assert "3.99   could not be had" in capsys.readouterr().out


def test_the_report_says_what_passed_and_what_failed() -> None:
    place = Path("/opt/python")
    lines = report([(Interpreter("3.11", place, "3.11.2"), 0), (Interpreter("3.12", place, "3.12.1"), 1)]).splitlines()
    assert lines == ["3.11   passed (3.11.2, /opt/python)", "3.12   failed with 1 (3.12.1, /opt/python)"]
