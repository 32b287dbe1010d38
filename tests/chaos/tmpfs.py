"""A small disk of its own, which can be filled and made read-only."""

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_WHOLE = 256 << 20
_TRIES = 30
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Disk:
    """A folder; a tmpfs where `why_not` is None, else a plain one that neither fills nor turns read-only."""

    def __init__(self, folder: Path, why_not: str | None) -> None:
        self.folder = folder
        self.why_not = why_not

    def fill(self, pages: int) -> None:
        """Leave about this many pages free."""
        for more in range(_TRIES):
            usage = os.statvfs(self.folder)
            used = (usage.f_blocks - usage.f_bfree) * usage.f_frsize
            with suppress(subprocess.CalledProcessError):  # it has grown since
                self._remount(f"size={used + (pages + more) * _PAGE}")
                return
        raise RuntimeError(f"{self.folder} cannot be filled")

    def empty(self) -> None:
        self._remount(f"size={_WHOLE}")

    def write_protect(self) -> None:
        """Only while no file in it is open for writing."""
        self._remount("ro")

    def allow_writes(self) -> None:
        self._remount("rw")

    def _remount(self, options: str) -> None:
        command = ["mount", "-o", f"remount,{options}", self.folder]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 -- no shell


@contextmanager
def small_disk(folder: Path) -> Generator[Disk]:
    """Mount it for as long as it is used."""
    folder.mkdir()
    why_not = _mount(folder)
    try:
        yield Disk(folder, why_not)
    finally:
        if why_not is None:
            subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S603, S607 -- no shell


def _mount(folder: Path) -> str | None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "only root may mount a tmpfs"
    command = ["mount", "-t", "tmpfs", "-o", f"size={_WHOLE}", "tmpfs", folder]
    done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 -- no shell
    return done.stderr.decode().strip() or "mount failed" if done.returncode else None
