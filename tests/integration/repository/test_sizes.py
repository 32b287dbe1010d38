import ast
from collections.abc import Iterator
from pathlib import Path

from tests.integration.repository import ROOT, tracked_files

MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 40
WRITTEN_BY_PEOPLE = {".md", ".mjs", ".py", ".toml", ""}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_over_300_lines() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in tracked_files()
        if path.suffix in WRITTEN_BY_PEOPLE
    }
    assert "pyproject.toml" in lines
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_FILE} == {}


def test_no_function_is_over_40_lines() -> None:
    sources = [path for path in tracked_files() if path.suffix == ".py"]
    lines = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in sources
        for node in functions(path)
    }
    assert lines
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_FUNCTION} == {}
