"""The archive: one file of events for each month, JSON Lines in gzip, complete or absent."""

import fcntl
import gzip
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from watcher.core.errors import Refused, StoreUnavailable

_UNFINISHED = ".unfinished"
_PIECE = 1 << 20


@contextmanager
def _explained(path: Path, doing: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"cannot {doing} {path}: {error.strerror or error}") from error


class ArchiveFile:
    """Written under a temporary name, and named at the end; it blocks, so use it in a thread.

    Each method raises StoreUnavailable for what the disk cannot do.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name
        self._unfinished = folder / (name + _UNFINISHED)
        with _explained(folder, "make the archive"):
            folder.mkdir(mode=0o700, exist_ok=True)
        with _explained(self._unfinished, "write"):
            descriptor = _locked(self._unfinished)
            os.ftruncate(descriptor, 0)  # what a crash has left behind
            self._raw = cast("BinaryIO", os.fdopen(descriptor, "wb"))
            # Without name and time the same events are the same bytes.
            self._packed = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)

    def write(self, lines: Iterable[bytes]) -> None:
        """JSON, without the ends of the lines."""
        with _explained(self._unfinished, "write"):
            self._packed.write(b"".join(line + b"\n" for line in lines))

    def publish(self) -> None:
        """Give it its name, safe on the disk.

        A file of the same content is left as it is. Raises Refused for another one with that name, which is never
        overwritten.
        """
        with _explained(self._unfinished, "write"):
            self._packed.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            if not self.path.exists():
                self._unfinished.rename(self.path)
            elif not _same(self.path, self._unfinished):
                raise Refused(
                    f"{self.path} exists and has other events: another database's? Move it away, or set another "
                    "[retention] archive"
                )
            else:
                self._unfinished.unlink()
            _sync(self.path.parent)
            self._raw.close()

    def abandon(self) -> None:
        """Leave nothing behind; does nothing once it is published."""
        if not self._raw.closed:
            self._unfinished.unlink(missing_ok=True)
            with suppress(OSError):
                self._packed.close()
            self._raw.close()


def _locked(path: Path) -> int:
    """Open and lock a file: a replica that has lost its connection may believe that the archive is its business.

    The lock ends with the process. Raises StoreUnavailable if another one has it.
    """
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise StoreUnavailable(f"another process is writing {path}") from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # it was published or removed between both


def _same(one: Path, other: Path) -> bool:
    """Whether both files hold the same lines; another version of zlib packs them differently."""
    try:
        with gzip.open(one) as left, gzip.open(other) as right:
            while True:
                piece = left.read(_PIECE)
                if piece != right.read(_PIECE):
                    return False
                if not piece:
                    return True
    except (OSError, EOFError):
        return False


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
