"""The import contracts are kept, and each one breaks when somebody breaks it."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.integration.repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONTRACTS = {contract["name"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
RUN: list[str] = [*PROJECT["project"]["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]

BREACHES = [
    ("Layers", "core/money.py", "import watcher.ports"),
    ("Layers", "ports/polls.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import watcher.clock"),
    ("Layers", "store/__init__.py", "def late():\n    import watcher.sandbox"),
    ("Layers", "nobody_s_place.py", "PLACE = None"),
    ("The core imports", "core/money.py", "import pydantic"),
    ("The database stays", "clock.py", "import sqlalchemy"),
    ("HTTP stays", "ports/polls.py", "import aiohttp"),
    ("One provider", "providers/fragment.py", "import watcher.providers.rapyd"),
    ("The sandbox", "config/settings.py", "import watcher.sandbox"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import importlinter.cli as cli; cli.lint_imports_command()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 -- fixed words


def broken(output: str) -> list[str]:
    """Names of the broken contracts; the report breaks long names over lines."""
    report = " ".join(output.split())
    return [name for name in CONTRACTS if f"{name} BROKEN" in report]


@pytest.fixture(name="copy")
def fixture_copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "watcher", tmp_path / "watcher", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("contract", "module", "line"), BREACHES)
def test_each_contract_breaks_when_it_is_broken(copy: Path, contract: str, module: str, line: str) -> None:
    with (copy / "watcher" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    run = lint(copy)
    assert run.returncode == 1, run.stdout + run.stderr
    assert any(name.startswith(contract) for name in broken(run.stdout)), run.stdout


def test_the_contracts_are_kept(copy: Path) -> None:
    run = lint(copy)
    assert run.returncode == 0, run.stdout + run.stderr
    assert broken(run.stdout) == []


def test_the_core_is_kept_from_every_dependency() -> None:
    forbidden: list[str] = CONTRACTS["The core imports the standard library only"]["forbidden_modules"]
    assert {Requirement(line).name.lower().replace("-", "_") for line in RUN} == set(forbidden)
