"""`make pythons`: the tests on every Python that the classifiers name, each in an environment of its own.

An interpreter is looked for by its name on the path and among pyenv's; what is not found is said at the end, and the
command fails then, since a version that nobody has run is a version that nobody knows to work.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from release import ROOT

PLACE = ROOT / ".venv-pythons"
_PREFIX = "Programming Language :: Python :: 3."


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`wanted` is what was asked for: a version such as 3.13, or a path."""

    wanted: str
    path: Path | None
    version: str = ""


def supported() -> tuple[str, ...]:
    """The versions that the package says it runs on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return tuple(line.rpartition(" ")[2] for line in project["classifiers"] if line.startswith(_PREFIX))


def find(wanted: str, ask: Callable[[Path], str | None]) -> Interpreter:
    """The first that runs, among those that may be it. `ask` gives the version of an interpreter, None if it fails."""
    for path in _candidates(wanted):
        version = ask(path)
        if version and ("/" in wanted or version.startswith(f"{wanted}.")):
            return Interpreter(wanted, path, version)
    return Interpreter(wanted, None)


def asked(path: Path) -> str | None:
    command = [str(path), "-c", "import platform; print(platform.python_version())"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 -- an interpreter
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def test(interpreter: Interpreter, tests: Sequence[str]) -> int:
    """The exit code of the tests, in a new environment with the locked versions."""
    venv = PLACE / interpreter.version
    uv = [sys.executable, "-m", "uv", "--no-config", "--quiet"]
    install = [*uv, "pip", "install", "--python", venv]
    _run([*uv, "venv", "--seed", "--clear", "--python", interpreter.path, venv])
    _run([*install, "--require-hashes", "--requirement", ROOT / "requirements" / "dev.txt"])
    _run([*install, "--no-deps", "--no-build-isolation", "--editable", ROOT])
    pytest = [
        venv / "bin" / "python",
        "-m",
        "pytest",
        "-q",
        "-n",
        "auto",
        "--dist",
        "worksteal",
        "-p",
        "no:cacheprovider",
    ]
    return _run([*pytest, *tests], check=False)


def report(results: Sequence[tuple[Interpreter, int | None]]) -> str:
    """One line for each interpreter; None stands for one that could not be had."""
    words = {None: "could not be had: not on the path, and not among pyenv's", 0: "passed"}
    return "\n".join(
        f"{one.wanted:<6} {words.get(code, f'failed with {code}')}{f' ({one.version}, {one.path})' if one.path else ''}"
        for one, code in results
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pythons", default="", help="versions or paths, separated by spaces; else all supported")
    parser.add_argument("tests", nargs="*", help="what to run; else everything")
    given = parser.parse_args(arguments)
    results: list[tuple[Interpreter, int | None]] = []
    for wanted in given.pythons.split() or supported():
        found = find(wanted, asked)
        print(f"== Python {wanted}: {found.path or 'not found'}", flush=True)
        results.append((found, test(found, given.tests or ["tests"]) if found.path else None))
    print(report(results))
    return int(any(code != 0 for _, code in results))


def _candidates(wanted: str) -> list[Path]:
    if "/" in wanted:
        return [Path(wanted)]
    on_path = shutil.which(f"python{wanted}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = sorted(pyenv.glob(f"{wanted}.*/bin/python"), reverse=True)
    return [*([Path(on_path)] if on_path else []), *named]


def _run(command: Sequence[object], *, check: bool = True) -> int:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, check=check).returncode  # noqa: S603 -- our own words


if __name__ == "__main__":
    sys.exit(main())
