"""The adapter files of the package."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from watcher import providers

_SUFFIX = ".toml"


@cache
def shipped() -> Mapping[str, Path]:
    """The adapter files of the package, by the name of their provider."""
    folder = Path(str(files(providers) / "files"))
    return {path.stem: path for path in sorted(folder.glob(f"*{_SUFFIX}"))}
