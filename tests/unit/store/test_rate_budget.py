"""Seen from the server: in any window t, at most rate · t + 1 of the instants that a budget gives."""

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.stored import NOW
from watcher.store.polls.rate_budget import gcra

INTERVALS = st.sampled_from([timedelta(milliseconds=200), timedelta(seconds=1), timedelta(microseconds=333_333)])
STEP = st.tuples(st.integers(0, 5_000_000), st.integers(0, 50), st.integers(0, 3_000_000))


@given(interval=INTERVALS, steps=st.lists(STEP, max_size=30))
def test_no_window_holds_more_slots_than_the_rate_allows(
    interval: timedelta, steps: list[tuple[int, int, int]]
) -> None:
    taken: list[datetime] = []
    now: datetime = NOW
    next_slot_at: datetime | None = None
    for waited, wanted, ahead in steps:
        now += timedelta(microseconds=waited)
        horizon = now + timedelta(microseconds=ahead)
        free = gcra(next_slot_at, interval, now)
        count = free.room(horizon, wanted)
        slots = free.slots(count)
        assert all(now <= slot <= horizon for slot in slots)
        taken += slots
        next_slot_at = free.after(count)
    assert all(later - earlier >= interval for earlier, later in pairwise(taken))
    for first, start in enumerate(taken):
        for last, end in enumerate(taken[first:], start=first):
            assert last - first <= (end - start) / interval


@given(interval=INTERVALS, room=st.integers(1, 100))
def test_a_horizon_gives_every_slot_up_to_it(interval: timedelta, room: int) -> None:
    horizon = NOW + (room - 1) * interval
    free = gcra(None, interval, NOW)
    assert free.room(horizon, 1000) == room
    assert free.slots(room)[-1] == horizon
    assert gcra(horizon + interval, interval, NOW).room(horizon, 1000) == 0
