"""What the recorder writes, and what becomes of outcomes when it is gone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

import anyio

from tests.fakes.polling import watch
from tests.fakes.stored import NOW, polled
from watcher.clock import SystemClock
from watcher.polling.recorder import Outcome, Recorder, pass_on
from watcher.ports import ClaimedWatch, PollQueue, PollRecord


async def test_a_poll_that_ends_just_after_the_recorder_was_cancelled_ends_quietly() -> None:
    """Cancelling reaches one task after the other: whoever was woken by an answer before runs on for a moment."""
    send, receive = anyio.create_memory_object_stream[Outcome](1)
    async with send, anyio.create_task_group() as group:
        await receive.aclose()
        group.cancel_scope.cancel()
        await pass_on(send, Outcome("acme"))
        raise AssertionError("it went on")


class _Queue:
    """Takes what is recorded."""

    def __init__(self) -> None:
        self.successes: list[Mapping[str, datetime]] = []
        self.given_back: list[tuple[int, datetime]] = []

    async def record(self, records: Sequence[PollRecord], successes: Mapping[str, datetime]) -> frozenset[int]:
        del records
        self.successes.append(successes)
        return frozenset()

    async def release(self, watches: Sequence[ClaimedWatch], poll_at: datetime) -> None:
        self.given_back.append((len(watches), poll_at))


async def test_when_an_account_answered_last_is_recorded_with_the_polls() -> None:
    """Deletions and the circuit of all replicas rest on it."""
    queue = _Queue()
    recorder = Recorder(cast("PollQueue", queue), SystemClock(), on_events=lambda: None)
    send, receive = anyio.create_memory_object_stream[Outcome](3)
    async with anyio.create_task_group() as group:
        group.start_soon(recorder.run, receive)
        async with send:
            for minute in (2, 1):
                await send.send(Outcome("acme", (), [polled(watch())], success_at=NOW + timedelta(minutes=minute)))
    assert queue.successes == [{"acme": NOW + timedelta(minutes=2)}]


async def test_what_was_not_asked_for_is_given_back_at_once_and_due_at_the_earliest_instant() -> None:
    queue = _Queue()
    recorder = Recorder(cast("PollQueue", queue), SystemClock(), on_events=lambda: None)
    send, receive = anyio.create_memory_object_stream[Outcome](3)
    async with anyio.create_task_group() as group:
        group.start_soon(recorder.run, receive)
        async with send:
            for second in (1, 0, 2):
                await send.send(Outcome("acme", unasked=[watch()], due_at=NOW + timedelta(seconds=second)))
    assert queue.given_back == [(3, NOW)]
