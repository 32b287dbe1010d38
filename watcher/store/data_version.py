"""Tells whether a SQLite file was written to, for a hundredth of what a query costs."""

import sqlite3
from pathlib import Path


class DataVersion:
    """A number that changes with every commit of another connection, in this process or another one.

    It is read on the event loop's own thread: SQLite looks at shared memory only, and a switch of threads would cost
    ten times as much. So the connection waits for nobody.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None

    def read(self) -> int | None:
        """None if it cannot be read now, because the file is locked as a whole or gone."""
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=rw", uri=True, timeout=0)
            ((version,),) = self._connection.execute("PRAGMA data_version").fetchall()
        except sqlite3.Error:
            return None
        return int(version)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
