"""Whatever a receiver does, an attempt ends in time, in little memory, and as a receipt."""

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.receiver import (
    Script,
    answering,
    dripping,
    silent,
    then_closing,
    then_resetting,
    writing,
)
from tests.integration.webhook.conftest import ATTEMPT, LEDGER, send_once, sending_to
from watcher.ports import Outcome, Receipt
from watcher.webhook import Fault

IMPATIENT = replace(LEDGER, timeout=timedelta(milliseconds=400))
CHUNK = b"x" * 65_536
OK = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = 1024 * 1024
BOMB = gzip.compress(bytes(20 * MEGABYTE)) * 10
"""200 MB: what is compressed in several pieces is opened as one."""


async def measured(attempt: Callable[[], Awaitable[Receipt]]) -> tuple[Receipt, float, int]:
    """The receipt, the seconds it took, and the most memory in use meanwhile, the receiver's included."""
    loop = asyncio.get_running_loop()
    tracemalloc.start()
    try:
        started = loop.time()
        receipt = await attempt()
        return receipt, loop.time() - started, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(dripping(OK + b"Content-Length: 100000\r\n\r\n", b"x"), id="dripping body"),
        pytest.param(dripping(OK + b"Content-Length: 9999999999\r\n\r\n", CHUNK), id="endless body"),
        pytest.param(dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + CHUNK + b"\r\n"), id="chunks"),
        pytest.param(then_resetting(writing(OK + b"Content-Length: 100\r\n\r\nab")), id="reset after 200"),
        pytest.param(then_closing(answering(200, b"short", length=100)), id="body shorter than told"),
        pytest.param(then_closing(writing(b"HTTP/1.0 200 OK\r\n\r\nhello")), id="HTTP/1.0"),
    ],
)
async def test_a_receiver_that_said_200_has_it_whatever_its_body_does(script: Script) -> None:
    receipt, seconds, memory = await measured(lambda: send_once(script, IMPATIENT))
    assert (receipt.outcome, receipt.status) == (Outcome.DELIVERED, 200)
    assert seconds < 2
    assert memory < 8 * MEGABYTE


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        pytest.param(silent, Fault.TIMEOUT, id="silence"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), Fault.TIMEOUT, id="dripping headers"),
        pytest.param(dripping(OK, b"X-More: and more\r\n" * 100), Fault.BAD_ANSWER, id="endless headers"),
        pytest.param(dripping(OK + b"X-Long: ", CHUNK), Fault.BAD_ANSWER, id="endless header"),
        pytest.param(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), Fault.TIMEOUT, id="1xx flood"),
        pytest.param(dripping(b"", CHUNK), Fault.BAD_ANSWER, id="not HTTP"),
        pytest.param(writing(b"SSH-2.0-OpenSSH_9.6\r\n"), Fault.BAD_ANSWER, id="another protocol"),
        pytest.param(writing(b"HTTP/1.1 9999 What\r\n\r\n"), Fault.BAD_ANSWER, id="no status"),
        pytest.param(
            writing(OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"), Fault.BAD_ANSWER, id="two lengths"
        ),
        pytest.param(writing(OK + b"Content-Length: -1\r\n\r\n"), Fault.BAD_ANSWER, id="negative length"),
        pytest.param(answering(200, b"longer than told", length=3), Fault.BAD_ANSWER, id="body longer than told"),
        pytest.param(writing(OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n"), Fault.BAD_ANSWER, id="broken chunk"),
        pytest.param(then_closing(writing(b"")), Fault.DISCONNECTED, id="closed without a word"),
        pytest.param(then_resetting(writing(b"HTTP/1.1 2")), Fault.DISCONNECTED, id="reset in the status line"),
    ],
)
async def test_a_receiver_that_gives_no_whole_answer_is_tried_again(script: Script, fault: Fault) -> None:
    receipt, seconds, memory = await measured(lambda: send_once(script, IMPATIENT))
    assert (receipt.outcome, receipt.error, receipt.status) == (Outcome.RETRY, fault, None)
    assert seconds < 2
    assert memory < 8 * MEGABYTE


async def test_a_gzip_bomb_is_not_opened() -> None:
    script = answering(200, BOMB, ("Content-Encoding: gzip",))
    receipt, seconds, memory = await measured(lambda: send_once(script, IMPATIENT))
    assert receipt.outcome is Outcome.DELIVERED
    assert seconds < 2
    assert memory < 8 * MEGABYTE


async def test_after_an_answer_that_was_not_read_to_its_end_the_next_one_has_a_new_connection() -> None:
    async with sending_to(answering(200, bytes(10 * MEGABYTE))) as (sender, receiver):
        first = await sender.send(ATTEMPT)
        second = await sender.send(ATTEMPT)
    assert first.outcome is second.outcome is Outcome.DELIVERED
    assert receiver.connections == 2


async def test_a_receiver_that_never_accepts_costs_no_more_than_the_time_allowed() -> None:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=1)) as full:
        port: int = full.getsockname()[1]
        for scheme in ("http", "https"):
            receipt = await send_once(silent, replace(IMPATIENT, url=f"{scheme}://127.0.0.1:{port}/"))
            assert (receipt.outcome, receipt.error) == (Outcome.RETRY, Fault.TIMEOUT)
            assert receipt.duration < timedelta(seconds=2)


async def test_one_hanging_request_does_not_keep_the_next_one_waiting() -> None:
    seen = 0

    async def only_the_first_hangs(writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        await (silent if seen == 1 else answering())(writer)

    async with sending_to(only_the_first_hangs) as (sender, receiver):
        hanging = asyncio.create_task(sender.send(ATTEMPT))
        await receiver.arrived.wait()
        assert (await sender.send(ATTEMPT)).outcome is Outcome.DELIVERED
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
