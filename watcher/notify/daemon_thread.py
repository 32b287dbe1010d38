"""Runs a blocking call in a thread of its own, for a limited time."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import anyio

_T = TypeVar("_T")


async def in_daemon_thread(call: Callable[[], _T], seconds: float, on_end: Callable[[], None]) -> _T:
    """The result of `call`. Raises TimeoutError; the thread then goes on alone, and keeps no process from ending.

    A worker thread of anyio would do so: the interpreter waits for those at its end. `on_end` is called on the event
    loop when the thread has ended, also after a timeout or a cancellation.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def finish(result: _T | None, error: BaseException | None) -> None:
        on_end()
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # pyright: ignore[reportArgumentType] -- without an error there is a result

    def work() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001 -- raised again in the task that waits
            error = raised
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(finish, result, error)

    threading.Thread(target=work, name="notification", daemon=True).start()
    with anyio.fail_after(seconds):
        return await future
