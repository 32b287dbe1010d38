"""Allows one `run` per SQLite file: of two, neither would know what the other has in progress."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from watcher.core.errors import Refused, StoreUnavailable
from watcher.store.engine import require_folder, sqlite_file


@contextmanager
def hold_run_lock(url: str) -> Generator[None]:
    """Hold `<database>.lock` while the service runs; does nothing for PostgreSQL, which is made for several.

    The lock is the operating system's and ends with the process, even if it crashes; the file stays. Raises Refused
    with the pid of the holder if another process has it.
    """
    file = sqlite_file(url)
    if file is None:
        yield
        return
    require_folder(file)
    lock = file.with_name(file.name + ".lock")
    descriptor = _open(lock)
    try:
        _take(descriptor, file)
        yield
    finally:
        os.close(descriptor)


def _open(lock: Path) -> int:
    try:
        return os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"cannot make the lock {lock}: {error.strerror}") from error


def _take(descriptor: int, file: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 20).decode(errors="replace").strip()
        raise Refused(f"{file} is in use by another run (pid {holder or 'unknown'}): stop that one first") from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
