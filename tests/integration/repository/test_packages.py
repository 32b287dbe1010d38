"""The source package and the wheel: the same bytes from every build, whole, and nothing in them that should not be."""

import os
import shutil
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import watcher
from release import EXTRAS
from release.build import build, checksums, source_date
from tests.integration.repository import ROOT, tracked_files

NAME = f"invoice_watcher-{watcher.__version__}"
STARTER = {f"watcher/starter/{name}" for name in ("watcher.toml", "watchlists/example.csv", "watchlists/example.toml")}
FACTS = {f"{NAME}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")}


@pytest.fixture(name="packages", scope="module")
def fixture_packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the source package."""
    source, wheel = build(ROOT, tmp_path_factory.mktemp("dist"))[::-1]
    return wheel, source


@pytest.fixture(name="tracked", scope="module")
def fixture_tracked() -> set[str]:
    return {str(path.relative_to(ROOT)) for path in tracked_files()}


@pytest.fixture(name="metadata")
def fixture_metadata(packages: tuple[Path, Path]) -> Message:
    with zipfile.ZipFile(packages[0]) as archive:
        return message_from_bytes(archive.read(f"{NAME}.dist-info/METADATA"))


def test_an_unpacked_source_package_gives_the_same_bytes_in_another_folder_for_another_user(
    packages: tuple[Path, Path], tmp_path: Path
) -> None:
    before = os.umask(0o077)
    try:
        with tarfile.open(packages[1]) as archive:
            archive.extractall(tmp_path / "elsewhere", filter="data")
        again = build(tmp_path / "elsewhere" / NAME, tmp_path / "dist")
    finally:
        os.umask(before)
    assert checksums(again) == checksums(sorted(packages))


def test_a_source_tree_without_git_still_has_a_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert source_date(tmp_path) == source_date(tmp_path / "other")
    shutil.copy(ROOT / "README.md", tmp_path / "PKG-INFO")
    os.utime(tmp_path / "PKG-INFO", (1, 1_700_000_000))
    assert source_date(tmp_path) == 1_700_000_000
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "5")
    assert source_date(tmp_path) == 5


def test_the_source_package_has_what_the_repository_has(packages: tuple[Path, Path], tracked: set[str]) -> None:
    with tarfile.open(packages[1]) as archive:
        members = archive.getmembers()
    names = [member.name.removeprefix(f"{NAME}/") for member in members]
    assert len(names) == len(set(names))
    assert set(names) == tracked | {"PKG-INFO"}
    assert {member.mtime for member in members} == {source_date(ROOT)}


def test_the_wheel_has_the_package_and_its_starter_files_and_nothing_else(
    packages: tuple[Path, Path], tracked: set[str]
) -> None:
    package = {name for name in tracked if name.startswith("watcher/")}
    assert {"watcher/web/page/templates/overview.html", "watcher/py.typed"} <= package
    with zipfile.ZipFile(packages[0]) as archive:
        names = archive.namelist()
        starter = archive.read("watcher/starter/watcher.toml")
    assert len(names) == len(set(names))
    assert set(names) == package | STARTER | FACTS
    assert starter == (ROOT / "config" / "watcher.toml").read_bytes()


def test_the_metadata_says_what_an_index_shows(metadata: Message) -> None:
    assert metadata["Version"] == watcher.__version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Description-Content-Type"] == "text/markdown"
    classifiers = metadata.get_all("Classifier", [])
    assert {"Framework :: AsyncIO", "Typing :: Typed"} <= set(classifiers)
    pythons = [
        line.rpartition(" ")[2] for line in classifiers if line.startswith("Programming Language :: Python :: 3.")
    ]
    assert pythons
    assert all(version in SpecifierSet(metadata["Requires-Python"]) for version in pythons)


def test_databases_and_services_that_not_everybody_uses_are_extras(metadata: Message) -> None:
    assert sorted(metadata.get_all("Provides-Extra", [])) == list(EXTRAS)
    wanted = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    always = {one.name for one in wanted if one.marker is None}
    assert "aiosqlite" in always
    assert not {"asyncpg", "apprise"} & always
    for extra, name in (("postgresql", "asyncpg"), ("notify", "apprise")):
        assert [one.name for one in wanted if one.marker and one.marker.evaluate({"extra": extra})] == [name]
