"""What ends the watchdog's heartbeats: a loop or a store that hangs, and nothing else."""

from collections.abc import Iterator
from datetime import timedelta

import anyio
import pytest

from tests.fakes.clock import FakeClock
from watcher.core.errors import StoreUnavailable
from watcher.daemon.systemd_status import StatusLine
from watcher.daemon.watchdog import STALLED, LoopHeartbeats, WriteCheck, watch_store
from watcher.systemd import Notifier

SECOND = timedelta(seconds=1)


class Monotonic:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, period: timedelta) -> None:
        self.now += period.total_seconds()


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


def test_a_loop_that_falls_silent_is_named_and_one_that_turns_is_not(monotonic: Monotonic) -> None:
    heartbeats = LoopHeartbeats(monotonic)
    heartbeats.beat("polling")
    heartbeats.beat("delivery")
    monotonic.pass_by(STALLED)
    heartbeats.beat("delivery")
    assert heartbeats.all_turn()
    monotonic.pass_by(SECOND)
    assert heartbeats.stalled() == ("polling",)
    heartbeats.beat("polling")
    assert heartbeats.all_turn()


def test_a_loop_may_say_within_what_time_it_turns_again(monotonic: Monotonic) -> None:
    heartbeats = LoopHeartbeats(monotonic)
    heartbeats.beat("retention", 2 * STALLED)
    monotonic.pass_by(2 * STALLED)
    assert heartbeats.all_turn()
    monotonic.pass_by(SECOND)
    assert heartbeats.stalled() == ("retention",)


def test_loops_that_were_asked_to_end_may_take_as_long_as_the_grace_lets_them(monotonic: Monotonic) -> None:
    heartbeats = LoopHeartbeats(monotonic)
    heartbeats.beat("delivery")
    heartbeats.end()
    monotonic.pass_by(10 * STALLED)
    assert heartbeats.all_turn()


class Asked:
    """A store that answers with each of these in turn, then hangs."""

    def __init__(self, *answers: str | None) -> None:
        self._answers: Iterator[str | None] = iter(answers)
        self.turns = 0
        self.reported: list[str | None] = []

    write_failed: tuple[float, str] | None = None

    async def check_writable(self) -> None:
        problem = next(self._answers, "hangs")
        if problem == "hangs":
            await anyio.sleep_forever()
        elif problem:
            raise StoreUnavailable(problem)

    def beat(self, name: str) -> None:
        assert name == "store"
        self.turns += 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def asked(store: Asked, clock: FakeClock) -> None:
    async with anyio.create_task_group() as group:
        check = WriteCheck(store, lambda: clock.now().timestamp())
        group.start_soon(watch_store, check.problem, store.beat, clock.sleep, store.reported.append)
        await clock.elapse(timedelta(minutes=5))
        group.cancel_scope.cancel()


async def test_a_store_that_hangs_turns_no_more(clock: FakeClock) -> None:
    store = Asked(None, None)
    await asked(store, clock)
    assert (store.turns, store.reported) == (2, [])


async def test_a_store_that_is_locked_has_answered_and_what_it_said_is_reported_once(clock: FakeClock) -> None:
    store = Asked(None, "is locked", "is locked", None, None)
    await asked(store, clock)
    assert (store.turns, store.reported) == (5, ["is locked", None])


async def test_writes_are_checked_once_a_second_however_many_ask(monotonic: Monotonic) -> None:
    store = Asked(None, "the disk is full", None)
    check = WriteCheck(store, monotonic)
    assert [await check.problem() for _ in range(3)] == [None] * 3
    monotonic.pass_by(timedelta(seconds=1))
    assert [await check.problem() for _ in range(3)] == ["the disk is full", None, None]


async def test_what_a_writer_met_lately_counts_although_a_small_write_succeeds(monotonic: Monotonic) -> None:
    store = Asked(None)
    store.write_failed = monotonic(), "the disk is full"
    check = WriteCheck(store, monotonic)
    monotonic.pass_by(timedelta(seconds=4))
    assert await check.problem() == "the disk is full"
    monotonic.pass_by(timedelta(seconds=2))
    assert await check.problem() is None


def test_the_status_line_shows_what_is_wrong_with_the_store_until_it_is_well_again() -> None:
    lines_sent: list[str] = []

    class Listener(Notifier):
        def _send(self, *lines: str) -> None:
            lines_sent.extend(line for line in lines if line.startswith("STATUS="))

    status = StatusLine(Listener("/nowhere"), lambda: "watching 2 sources")
    status.ready()
    status.troubled("database is locked")
    status.reloading()
    status.ready()
    status.troubled(None)
    assert lines_sent == [
        "STATUS=watching 2 sources",
        "STATUS=database is locked",
        "STATUS=database is locked",
        "STATUS=watching 2 sources",
    ]
