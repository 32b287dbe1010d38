"""Running the command line: in this process where its answer is the point, as a process where the process is."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from watcher.cli import main


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, object]]:
        """Standard output as JSON Lines: anything else on it fails here."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def document(self) -> dict[str, object]:
        return json.loads(self.out)


class Terminal:
    """A user in a folder. The outputs are no terminal, as in a script."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def run(self, *arguments: str | Path) -> Ran:
        code = main([str(argument) for argument in arguments])
        shown = self._capsys.readouterr()
        return Ran(code, shown.out, shown.err)

    def type(self, line: str) -> Ran:
        return self.run(*line.split())


def run_process(*arguments: str | Path, folder: Path, environment: Mapping[str, str] | None = None) -> Ran:
    surroundings = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-W", "error", "-m", "watcher", *map(str, arguments)],
        cwd=folder,
        env={**surroundings, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
