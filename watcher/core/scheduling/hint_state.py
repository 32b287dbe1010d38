"""Whether the hints of a source can be relied on, judged by the changes that they brought and that they did not."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_PROVEN = 3
"""So many changes of one type must have come by hint before the next ones are expected."""
MISSED = 5
"""So many changes in a row without one mean that the hints have stopped."""


class HintState(StrEnum):
    OFF = "off"
    WAITING = "waiting"
    """No type of change has come by hint often enough."""
    WORKING = "working"
    STOPPED = "stopped"
    """A type of change that hints used to bring does not come by hint any more."""


@dataclass(frozen=True, slots=True)
class HintTally:
    """Changes of one event type: first seen by a hint, first seen otherwise, and the latter since the last hint.

    `outages` are changes of times in which hints had stopped: these say nothing about the event type.
    """

    event_type: str
    hinted: int
    others: int
    missed: int
    outages: int = 0

    @property
    def is_expected(self) -> bool:
        """Whether hints brought most of these before those that they missed last."""
        return self.hinted >= _PROVEN and self.hinted > self.others - self.missed

    @property
    def has_stopped(self) -> bool:
        return self.is_expected and self.missed >= MISSED


def hint_state(tallies: Iterable[HintTally]) -> HintState:
    """The state of a source that takes hints."""
    expected = [tally for tally in tallies if tally.is_expected]
    if any(tally.has_stopped for tally in expected):
        return HintState.STOPPED
    return HintState.WORKING if expected else HintState.WAITING
