"""Watches the service while it runs: what its database must never do, and what it must not keep."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Iterator, Sized
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from tests.simulation.disk import opened

_RESCUED_SECONDS = 30
"""How long after its begin a process may leave to its dead predecessor what that one held."""
_MOST_TASKS = 100
_MOST_KEPT = 200
"""The world has 16 invoices: what has more entries than this grows without a bound."""
_RULES = {
    "a delivered delivery is not delivered any more": (
        "UPDATE ON deliveries WHEN OLD.state = 'delivered' AND NEW.state <> 'delivered'"
    ),
    "an event has changed": "UPDATE ON events",
    "an event is gone": "DELETE ON events",
    "a snapshot is gone": "DELETE ON snapshots",
    "a version or a sequence went back": (
        "UPDATE ON watches WHEN NEW.version < OLD.version OR NEW.sequence < OLD.sequence"
    ),
}
"""Each as the condition of a trigger that records that it was met."""

_Lease = tuple[str, int, int]


@dataclass
class Monitor:
    """Sentences about broken promises that only show while the service runs."""

    file: Path
    problems: list[str] = field(default_factory=list[str])
    _held: frozenset[_Lease] = frozenset()

    def see_leases(self) -> None:
        """Note what the database says is in progress when a process begins."""
        self._install()
        self._held = self._leases()

    async def watch_rescue(self) -> None:
        """What was in progress then is free, or in progress anew, soon after."""
        held = self._held
        await anyio.sleep(_RESCUED_SECONDS)
        if left := held & self._leases():
            self.problems.append(f"{len(left)} leases of a dead process are still held after {_RESCUED_SECONDS} s")

    def measure(self, service: object) -> None:
        """Nothing that the service keeps may grow with time."""
        if (tasks := len(asyncio.all_tasks())) > _MOST_TASKS:
            self.problems.append(f"{tasks} tasks are running")
        for name, kept in _collections(service, type(service).__name__, set()):
            if len(kept) > _MOST_KEPT:
                self.problems.append(f"{name} has {len(kept)} entries")

    def recorded(self, database: sqlite3.Connection) -> Iterator[str]:
        """What the triggers have recorded."""
        for what, count in database.execute("SELECT what, COUNT(*) FROM simulation_audit GROUP BY what"):
            yield f"{count} times: {what}"

    def _install(self) -> None:
        with closing(sqlite3.connect(self.file, isolation_level=None)) as database:
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'simulation_audit'").fetchone():
                return
            database.execute("CREATE TABLE simulation_audit (what TEXT)")
            for number, (what, condition) in enumerate(_RULES.items()):
                body = f"INSERT INTO simulation_audit VALUES ('{what}')"  # noqa: S608 -- our own words
                database.execute(f"CREATE TRIGGER simulation_{number} AFTER {condition} BEGIN {body}; END")

    def _leases(self) -> frozenset[_Lease]:
        with closing(opened(self.file)) as database:
            polls = database.execute("SELECT 'poll', id, lease FROM watches WHERE lease_ends_at IS NOT NULL")
            attempts = database.execute("SELECT 'attempt', id, lease FROM deliveries WHERE state = 'delivering'")
            return frozenset((*polls, *attempts))


def _collections(it: Any, name: str, seen: set[int]) -> Iterator[tuple[str, Sized]]:  # noqa: ANN401 -- any object
    """Everything with a length that belongs to an object of the program, with its name."""
    if id(it) in seen:
        return
    seen.add(id(it))
    if isinstance(it, list | dict | set | deque):
        yield name, it  # pyright: ignore[reportUnknownVariableType]
        values: Any = list(it.values()) if isinstance(it, dict) else list(it)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        for value in values:
            yield from _collections(value, f"{name}[]", seen)
    elif type(it).__module__.startswith("watcher."):
        slots = (slot for one in type(it).__mro__ for slot in getattr(one, "__slots__", ()))
        for key in (*getattr(it, "__dict__", {}), *slots):
            yield from _collections(getattr(it, key, None), f"{name}.{key}", seen)
