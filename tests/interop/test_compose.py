"""The Compose file against the published schema, by a linter that has it."""

import subprocess
from pathlib import Path

from tests.interop.conftest import HERE

COMPOSE = HERE.parents[1] / "config" / "compose.yaml"


def linted(node: str, file: Path) -> tuple[int, str]:
    command = [node, str(HERE / "node_modules" / "dclint" / "bin" / "dclint.cjs"), "--quiet", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 -- node with fixed words
    return run.returncode, (run.stdout + run.stderr).strip()


def test_the_compose_file_is_one(node: str) -> None:
    assert linted(node, COMPOSE) == (0, "")


def test_a_mistake_in_it_would_be_found(node: str, tmp_path: Path) -> None:
    text = COMPOSE.read_text("utf-8")
    (tmp_path / "compose.yaml").write_text(text.replace("cap_drop: [ALL]", "cap_drop: ALL"), "utf-8")
    code, said = linted(node, tmp_path / "compose.yaml")
    assert code != 0
    assert "cap_drop" in said
