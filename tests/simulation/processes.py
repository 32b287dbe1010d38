"""The processes of the simulated machine: what kills each of them, and which are stopped."""

from asyncio import Handle
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from sqlite3 import Connection
from weakref import WeakSet

from anyio import Event


class Step(Enum):
    """A request in progress."""

    POLL = "a poll"
    NEWS = "a poll that finds something new"
    SEND = "an attempt of a delivery"
    MESSAGE = "a message to people"
    COMMIT = "the end of a transaction: what it claimed is not begun"


@dataclass(eq=False, slots=True, weakref_slot=True)
class Process:
    """One process of the service."""

    name: str = ""
    kill_in: int | None = None
    """After how many statements it dies; None for never."""
    kill_at: str | None = None
    """The statement at which it dies, whenever that comes."""
    is_dead: bool = False
    is_stopped: bool = False
    """As by SIGSTOP: nothing of it runs."""
    held: list[Handle] = field(default_factory=list[Handle])
    """What would have run since it was stopped."""
    on_death: Callable[[], None] = lambda: None
    stop_at: Step | None = None
    """In the middle of what it is stopped; None for never."""
    stop_in: int = 1
    """At the how many-th of those."""
    halted: Event = field(default_factory=Event)
    """Set when it is stopped, and when it has ended."""
    connections: WeakSet[Connection] = field(default_factory=WeakSet[Connection])

    @property
    def is_writing(self) -> bool:
        """A process that is stopped now would keep the database locked."""
        return any(one.in_transaction for one in self.connections)

    def is_stopped_in(self, step: Step) -> bool:
        """Whether it is stopped now, in the middle of a request: what that brings is late."""
        if self.stop_at is not step:
            return False
        self.stop_in -= 1
        if self.stop_in > 0 or self.is_writing:
            return False
        self.stop_at, self.is_stopped = None, True
        self.halted.set()
        return True


CURRENT: ContextVar[Process | None] = ContextVar("process", default=None)
"""The process that the running task belongs to; None for the world outside."""


def current() -> Process:
    """The process that asks. Raises LookupError outside of one."""
    process = CURRENT.get()
    if process is None:
        raise LookupError("no process of the simulation is running")
    return process
