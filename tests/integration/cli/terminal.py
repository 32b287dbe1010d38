"""Running the command line as a user or a script does: as a process, with separate outputs."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


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


def run(*arguments: str | Path, folder: Path, environment: Mapping[str, str] | None = None) -> Ran:
    surroundings = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
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
