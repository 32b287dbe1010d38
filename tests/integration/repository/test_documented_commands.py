import contextlib
import shlex
from pathlib import Path

import pytest

from tests.integration.repository.documents import DOCUMENTS, commands
from watcher.cli import main
from watcher.cli.command_table import ENTRIES, load

ENTRY = {entry.name: entry for entry in ENTRIES}
DOCUMENTED = sorted({command for document in DOCUMENTS for command in commands(document, "invoice-watcher")})


@pytest.mark.parametrize("documented", DOCUMENTED)
def test_a_documented_command_line_is_understood(documented: str, tmp_path: Path) -> None:
    """Parsed by the command itself, and not run: a wrong name, option or number of arguments would raise."""
    for name in ("more.csv", "events-2026-01.jsonl.gz"):
        (tmp_path / name).touch()
    _, name, *words = shlex.split(documented)
    command = load(ENTRY[name])
    if ENTRY[name].is_group and words:
        name, *words = words
        command = command.commands[name]
    with contextlib.chdir(tmp_path):
        assert command.make_context(name, words) is not None


def test_the_documents_show_every_command() -> None:
    assert sorted(ENTRY) == sorted({shlex.split(documented)[1] for documented in DOCUMENTED})


def test_init_writes_a_configuration_that_check_accepts(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / "mine")]) == 0
    assert main(["check", "--config", str(tmp_path / "mine" / "watcher.toml")]) == 0
