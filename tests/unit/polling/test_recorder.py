"""Passing outcomes to the recorder at the end of a service's life."""

import anyio

from watcher.polling.recorder import Outcome, pass_on


async def test_a_poll_that_ends_just_after_the_recorder_was_cancelled_ends_quietly() -> None:
    """Cancelling reaches one task after the other: whoever was woken by an answer before runs on for a moment."""
    send, receive = anyio.create_memory_object_stream[Outcome](1)
    async with send, anyio.create_task_group() as group:
        await receive.aclose()
        group.cancel_scope.cancel()
        await pass_on(send, Outcome("acme"))
        raise AssertionError("it went on")
