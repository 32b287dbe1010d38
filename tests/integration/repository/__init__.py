"""What the repository says of itself is true: docs, sizes, locks, layers."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def tracked_files() -> tuple[Path, ...]:
    """What git would carry to a fresh clone, new files included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 -- fixed words
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())
