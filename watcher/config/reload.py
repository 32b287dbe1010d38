"""Notices that the config, a watch list or a secret's file has changed, and reads everything again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from watcher.clock import Clock
from watcher.config.load import BadReading, Loaded, Seen, Stored, load, nothing_stored
from watcher.config.toml.reading import Stamp, stamp
from watcher.config.watchlists.lists import SUFFIXES, matching
from watcher.core.errors import ConfigError
from watcher.providers.toolkit.kind import ProviderKind

STILL = timedelta(seconds=2)
"""How long changed files must have kept size and mtime: a file that is still being written is not read."""


class Reader(Protocol):
    """Reads the same config each time it is called, with the environment and credentials of the first time."""

    def __call__(self, stored: Stored = nothing_stored) -> Loaded: ...


def reader(path: Path, providers: Mapping[str, ProviderKind], environment: Mapping[str, str]) -> Reader:
    fixed = dict(environment)
    credentials: dict[str, str] = {}

    def read(stored: Stored = nothing_stored) -> Loaded:
        return load(path, providers, fixed, credentials=credentials, stored=stored)

    return read


class ConfigFiles:
    """All files of the reading in force, and of a bad one after it; call `check` every second or two."""

    def __init__(self, loaded: Loaded, read: Reader, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._seen = loaded.seen
        self._known = dict(loaded.seen.stamps)
        self._pending: dict[Path, Stamp] | None = None
        self._pending_at: datetime | None = None

    def check(self, *, now_forced: bool = False, stored: Stored = nothing_stored) -> Loaded | ConfigError | None:
        """A new reading if files have changed and stood still, else None; forced, always a new reading.

        The mistakes of a reading are returned once; the next come when a file has changed again. Blocks for as long as
        the files take to read (seconds for changed lists of a million lines).
        """
        if now_forced:
            return self._read_all(stored)
        survey = _survey(self._seen)
        if survey == self._known:
            self._pending = self._pending_at = None
            return None
        now = self._clock.now()
        if survey != self._pending or self._pending_at is None or now < self._pending_at:
            self._pending, self._pending_at = survey, now
            return None
        return self._read_all(stored) if now - self._pending_at >= STILL else None

    def _read_all(self, stored: Stored) -> Loaded | ConfigError:
        before = _survey(self._seen)
        self._pending = self._pending_at = None
        try:
            loaded = self._read(stored)
        except BadReading as error:
            self._seen, self._known = error.seen, dict(error.seen.stamps)
            return error
        except ConfigError as error:
            self._known = before
            return error
        self._seen, self._known = loaded.seen, dict(loaded.seen.stamps)
        return loaded


def _survey(seen: Seen) -> dict[Path, Stamp]:
    """The files as they are now, including those that match a pattern only since then."""
    matches = (path for pattern in seen.patterns for path in matching(seen.base, pattern))
    paths = {*seen.stamps, *(path for path in matches if path.suffix in SUFFIXES)}
    return {path: stamp(path) for path in paths}
