"""The map (docs/architecture.md), CONTRIBUTING.md and docs/security.md name only what exists.

The map leaves out no room and no table.
"""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from tests.integration.repository import ROOT
from tests.integration.repository.documents import blocks
from watcher.store.tables import metadata

MAP, GUIDE, SECURITY = ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "security.md"
_NAMED = re.compile(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:py|md|toml))(?:::([\w.]+))?`")
"""A path, with the name of something in that file where `::` follows."""


def named(document: Path) -> list[tuple[str, str]]:
    return _NAMED.findall(document.read_text("utf-8"))


@cache
def definitions(file: Path) -> frozenset[str]:
    """What a file defines, methods and fields by their class: `Poller.run`."""
    return frozenset(_defined(ast.parse(file.read_text("utf-8")).body, ""))


def _defined(body: list[ast.stmt], prefix: str) -> list[str]:
    names: list[str] = []
    for one in body:
        match one:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names.append(prefix + one.name)
            case ast.ClassDef():
                names += [prefix + one.name, *_defined(one.body, f"{prefix}{one.name}.")]
            case ast.Assign():
                names += [prefix + target.id for target in one.targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name() as target):
                names.append(prefix + target.id)
            case _:
                pass
    return names


def rows(document: Path, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = document.read_text("utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("document", [MAP, GUIDE, SECURITY], ids=["map", "guide", "security"])
def test_every_path_and_name_exists(document: Path) -> None:
    found = named(document)
    assert len(found) > 20
    missing: list[str] = []
    for path, name in found:
        file = next((one for one in (ROOT / path, ROOT / "watcher" / path) if one.exists()), None)
        if file is None or (name and name not in definitions(file)):
            missing.append(f"{path}::{name}" if name else path)
    assert missing == []


def test_every_room_is_on_the_map_and_no_other() -> None:
    packages = {f"{one.parent.relative_to(ROOT / 'watcher')}/" for one in (ROOT / "watcher").rglob("__init__.py")}
    shown = {cells[0].strip("`") for cells in rows(MAP, "The rooms")}
    assert shown - {"store/migrations/"} == packages - {"./", "store/migrations/versions/", "store/migrations/"}


def test_every_table_is_on_the_map_and_no_other() -> None:
    assert [cells[0].strip("`") for cells in rows(MAP, "The tables")] == list(metadata.tables)


def test_the_layers_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = [one["layers"] for one in contracts if one["name"].startswith("Layers")]
    text = MAP.read_text("utf-8").split("```\n", 2)[1]
    assert text.splitlines() == cast("list[str]", layers)


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named_targets = set(
        re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)", "\n".join([GUIDE.read_text("utf-8"), *blocks(GUIDE, "sh")]))
    )
    assert {"check", "test", "demo"} <= named_targets <= targets
