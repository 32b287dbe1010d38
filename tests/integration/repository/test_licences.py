"""Whoever installs this program may: each package that it runs on is on docs/licences.md, under a licence that fits."""

import json
import tomllib

import pytest

import watcher
from release.licences import PAGE, is_compatible, rows, run_time
from release.sbom import components, project
from tests.integration.repository import ROOT
from tests.integration.repository.test_locks import pins


def test_every_package_that_the_program_runs_on_has_a_licence_that_fits() -> None:
    packages = run_time()
    assert {"aiohttp", "greenlet", "asyncpg", "apprise", "certifi"} <= {one.package for one in packages}
    assert [one.row for one in packages if not is_compatible(one.licence)] == []


def test_the_page_lists_every_package_and_what_its_authors_declare() -> None:
    listed = rows(PAGE.read_text("utf-8"))
    assert [one.row for one in run_time() if one.row not in listed] == [], "make licences"


def test_the_page_lists_nothing_that_is_not_locked() -> None:
    names = {row.split("|")[1].strip() for row in rows(PAGE.read_text("utf-8"))}
    assert names - set(pins("run.txt")) == set()


def test_what_is_tested_here_are_the_locked_versions() -> None:
    pinned = pins("run.txt")
    assert [one for one in run_time() if one.version not in map(str, pinned[one.package])] == []


@pytest.mark.parametrize(
    ("licence", "compatible"),
    [
        ("MIT", True),
        ("Apache-2.0 AND (MIT OR BSD-3-Clause)", True),
        ("MPL-2.0", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-2.0-or-later", False),
        ("Other/Proprietary License", False),
        ("not declared", False),
    ],
)
def test_a_licence_fits_if_every_part_of_it_does(licence: str, *, compatible: bool) -> None:
    assert is_compatible(licence) is compatible


def test_the_bill_of_materials_names_the_version() -> None:
    named = tomllib.loads(project((ROOT / "pyproject.toml").read_text("utf-8")))["project"]
    assert (named["version"], "dynamic" in named) == (watcher.__version__, False)


def test_a_bill_of_materials_is_read_by_the_names_that_the_lock_has() -> None:
    document = {"components": [{"name": "prometheus_client", "version": "1.0"}, {"name": "PyYAML", "version": "6.0"}]}
    assert components(json.dumps(document).encode()) == {"prometheus-client": "1.0", "pyyaml": "6.0"}
