"""Watches that people add by hand, many at once: what they gave, and what becomes of each line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class PastedWatches:
    """Invoice ids of `source`, each with `tags`; without a source a CSV with the header of a watch list."""

    text: str
    source: str | None = None
    tags: tuple[str, ...] = ()


class LineState(StrEnum):
    NEW = "new"
    """It is watched from now on."""
    RETIRED = "retired"
    """It is watched already and retired: it is polled again."""
    WATCHED = "watched"
    """It is watched already, and stays as it is."""
    REPEATED = "repeated"
    """An earlier line names the same invoice: both are one watch."""
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """`reason` says what is wrong, or which line came before; `origins` what wants the invoice watched already.

    `text` is the line as it was given; of invalid lines alone.
    """

    line: int
    state: LineState
    source: str = ""
    invoice_id: str = ""
    tags: tuple[str, ...] = ()
    due_on: date | None = None
    note: str | None = None
    reason: str = ""
    origins: tuple[str, ...] = ()
    text: str = ""

    @property
    def is_added(self) -> bool:
        """Whether adding does something with it."""
        return self.state in {LineState.NEW, LineState.RETIRED}


@dataclass(frozen=True, slots=True)
class WatchPreview:
    lines: Sequence[PreviewLine]

    def of(self, state: LineState) -> tuple[PreviewLine, ...]:
        return tuple(one for one in self.lines if one.state is state)

    @property
    def added(self) -> int:
        return sum(one.is_added for one in self.lines)
