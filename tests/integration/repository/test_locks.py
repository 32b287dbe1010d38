import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.integration.repository import ROOT

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+?)(?: ;[^\\]*)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")

PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
PROJECT = tomllib.loads(PYPROJECT)
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
RUN: list[str] = [*PROJECT["project"]["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]
"""What `make install` and `make demo` set up: with all extras."""
BUILD: list[str] = PROJECT["dependency-groups"]["build"]
DEV: list[str] = PROJECT["dependency-groups"]["dev"]
DOCS: list[str] = PROJECT["dependency-groups"]["docs"]
PEERS: list[str] = PROJECT["dependency-groups"]["peers"]
RELEASE: list[str] = PROJECT["dependency-groups"]["release"]


def lines(lock: str) -> list[str]:
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def pins(lock: str) -> dict[str, set[Version]]:
    """The versions pinned for each package: several where Pythons differ."""
    pinned: dict[str, set[Version]] = {}
    for line in lines(lock):
        if match := PIN.match(line):
            pinned.setdefault(canonicalize_name(match["name"]), set()).add(Version(match["version"]))
    return pinned


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("run.txt", RUN + BUILD),
        ("dev.txt", RUN + BUILD + DEV),
        ("docs.txt", DOCS),
        ("peers.txt", PEERS),
        ("release.txt", RELEASE),
    ],
)
def test_each_range_of_pyproject_is_pinned_inside_the_range(lock: str, wanted: list[str]) -> None:
    pinned = pins(lock)
    for requirement in map(Requirement, wanted):
        versions = pinned.get(canonicalize_name(requirement.name), set[Version]())
        assert versions, f"{requirement.name} is not pinned in {lock}: make lock"
        assert all(version in requirement.specifier for version in versions), f"{requirement} moved: make lock"


def test_what_is_tested_is_what_runs() -> None:
    tested = pins("dev.txt")
    assert {name: versions for name, versions in pins("run.txt").items() if tested.get(name) != versions} == {}


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt", "docs.txt", "peers.txt", "release.txt"])
def test_a_lock_holds_nothing_but_pins_and_their_hashes(lock: str) -> None:
    """No index, no link, no option: where packages come from is the machine's business."""
    assert [line for line in lines(lock) if not PIN.match(line) and not HASH.match(line)] == []


def test_the_build_backend_is_locked_in_the_range_it_is_declared_in() -> None:
    assert PROJECT["build-system"]["requires"] == BUILD


def test_each_dependency_gives_its_reason() -> None:
    declared = [line for line in PYPROJECT.splitlines() if re.match(r'^    "[A-Za-z0-9\[\]-]+[>=]=', line)]
    assert len(declared) == len(RUN + BUILD + DEV + DOCS + PEERS + RELEASE)
    assert [line for line in declared if not re.search(r'",\s+# \w', line)] == []
