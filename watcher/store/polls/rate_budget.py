"""The rate budget of a source: the generic cell rate algorithm (GCRA), stored as one instant in the source's row."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.store.column_types import EPOCH

_EVERY = 4


@dataclass(frozen=True, slots=True)
class Gcra:
    """`next_slot_at` is the first free send slot (the theoretical arrival time)."""

    next_slot_at: datetime
    interval: timedelta

    def room(self, horizon: datetime, most: int) -> int:
        """How many slots lie at or before `horizon`, at most `most`."""
        if self.next_slot_at > horizon:
            return 0
        if not self.interval:
            return most
        return min(most, (horizon - self.next_slot_at) // self.interval + 1)

    def reserved(self, count: int) -> int:
        """How many of the next `count` slots are for polls in their turn, if any is due: every fourth of all slots."""
        if not self.interval:
            return count // _EVERY
        first = (self.next_slot_at - EPOCH) // self.interval
        return (first + count - 1) // _EVERY - (first - 1) // _EVERY

    def slots(self, count: int) -> tuple[datetime, ...]:
        return tuple(self.next_slot_at + number * self.interval for number in range(count))

    def after(self, count: int) -> datetime:
        """`next_slot_at` once `count` slots are taken."""
        return self.next_slot_at + count * self.interval


def gcra(next_slot_at: datetime | None, interval: timedelta, now: datetime) -> Gcra:
    """The budget as it is now: unused slots of the past are gone, so that an idle source saves up no burst."""
    return Gcra(now if next_slot_at is None else max(next_slot_at, now), interval)
