"""`make dist-check`: the packages in dist/, as their users get them.

Their metadata as an index reads it, what the wheel holds, and `invoice-watcher demo` from the wheel by pip, pipx and
uvx, each in an environment that has nothing else and takes its dependencies from the package index.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from release import DIST

_MINUTES = 15
_ON_POSTGRESQL = '[database]\nurl = "postgresql://watcher@127.0.0.1/watcher"\n'
_NEEDED = "pip install 'invoice-watcher[postgresql]'"


class CheckFailed(Exception):
    """What a user would have seen go wrong."""


def run(
    command: Sequence[object], folder: Path, *, expected: int = 0, environment: Mapping[str, object] | None = None
) -> str:
    """What a command prints. It starts in `folder`, and sees nothing of the environment that this program runs in."""
    words = [str(word) for word in command]
    print("$", *words, flush=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(  # noqa: S603 -- our own words
        words,
        cwd=folder,
        env=inherited | _text(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_MINUTES * 60,
        check=False,
    )
    if done.returncode != expected:
        raise CheckFailed(f"{' '.join(words)}\nexits {done.returncode}, not {expected}:\n{done.stdout}")
    return done.stdout


def check_metadata(tools: Path, packages: Sequence[Path], folder: Path) -> None:
    run([tools / "twine", "check", "--strict", *packages], folder)
    run([tools / "check-wheel-contents", "--config", DIST.parent / "pyproject.toml", _wheel(packages)], folder)


def check_pip(packages: Sequence[Path], folder: Path) -> None:
    """Demo, first configuration, and what is said where a configuration needs an extra that is not there."""
    program = _installed(_wheel(packages), folder / "wheel")
    _say_end(run([program, "demo"], folder))
    run([program, "init", "mine"], folder)
    run([program, "db", "upgrade", "--config", "mine/watcher.toml"], folder, environment={"METEROID_API_KEY": "k-123"})
    (folder / "postgresql.toml").write_text(_ON_POSTGRESQL)
    said = run([program, "run", "--config", "postgresql.toml"], folder, expected=2)
    if _NEEDED not in said:
        raise CheckFailed(f"without asyncpg, run says nothing of {_NEEDED}, but:\n{said}")


def check_source(packages: Sequence[Path], folder: Path) -> None:
    (source,) = [path for path in packages if path.suffix == ".gz"]
    run([_installed(source, folder / "source"), "--version"], folder)


def check_pipx(tools: Path, packages: Sequence[Path], folder: Path) -> None:
    homes = {"PIPX_HOME": folder / "pipx", "PIPX_BIN_DIR": folder / "pipx-bin", "PIPX_MAN_DIR": folder / "pipx-man"}
    command = [tools / "pipx", "run", "--spec", _wheel(packages), "invoice-watcher", "demo", "--provider", "stripe"]
    _say_end(run(command, folder, environment=homes))


def check_uvx(packages: Sequence[Path], folder: Path) -> None:
    homes = {"UV_TOOL_DIR": folder / "uv-tools", "UV_CACHE_DIR": folder / "uv-cache"}
    uv = [sys.executable, "-m", "uv", "--no-config", "tool", "run", "--python", sys.executable]
    _say_end(
        run(
            [*uv, "--from", _wheel(packages), "invoice-watcher", "demo", "--provider", "lago"],
            folder,
            environment=homes,
        )
    )


def main(tools: Path) -> None:
    packages = sorted([*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")])
    with tempfile.TemporaryDirectory(prefix="invoice-watcher-dist-") as place:
        folder = Path(place)
        check_metadata(tools, packages, folder)
        check_pip(packages, folder)
        check_source(packages, folder)
        check_pipx(tools, packages, folder)
        check_uvx(packages, folder)
    print("The packages install and run")


def _installed(package: Path, venv: Path) -> Path:
    run([sys.executable, "-m", "venv", venv], venv.parent)
    run([venv / "bin" / "pip", "install", "--quiet", package], venv.parent)
    return venv / "bin" / "invoice-watcher"


def _wheel(packages: Sequence[Path]) -> Path:
    (wheel,) = [path for path in packages if path.suffix == ".whl"]
    return wheel


def _say_end(output: str) -> None:
    print("  ", *[line for line in output.splitlines() if "events sent" in line])


def _text(environment: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in environment.items()}


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).absolute())
    except CheckFailed as failure:
        sys.exit(str(failure))
