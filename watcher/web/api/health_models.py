"""The shapes of answers about the service itself."""

from typing import Literal

from watcher.web.api.response_models import Instant, Shape


class Alive(Shape):
    status: Literal["alive"]


class ConfigState(Shape):
    state: Literal["current", "stale"]
    """stale: the files have mistakes, or could not be applied; the last good reading is in force."""
    errors: list[str]


class StoreState(Shape):
    state: Literal["ok", "failing"]
    error: str | None


class LoopsState(Shape):
    state: Literal["ok", "stalled"]
    stalled: list[str]


class ClockState(Shape):
    state: Literal["ok", "distrusted"]
    """distrusted: clock events are held, because the providers' clocks differ."""
    seconds_ahead: int | None


class ListsState(Shape):
    state: Literal["applied", "held"]
    """held: the last reading would stop more than half of the watches, and waits for SIGHUP or a second reading."""
    held_since: Instant | None


class ReplicasState(Shape):
    state: Literal["same", "differ"]
    """differ: the configuration of some is not that of the replica that has run longest."""
    name: str | None
    """This process; null with SQLite."""
    differing: list[str]


class Readiness(Shape):
    """`status` alone for clients without the token."""

    status: Literal["ready", "failing"]
    config: ConfigState | None = None
    store: StoreState | None = None
    loops: LoopsState | None = None
    clock: ClockState | None = None
    watchlists: ListsState | None = None
    replicas: ReplicasState | None = None
