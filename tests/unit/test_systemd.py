"""Against a real datagram socket, as systemd opens it."""

import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from watcher.systemd import Notifier, feed_watchdog


class Listener:
    def __init__(self, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(name)
        self._socket.settimeout(5)

    def heard(self) -> list[str]:
        return self._socket.recv(4096).decode().split("\n")

    def is_silent(self) -> bool:
        self._socket.settimeout(0)
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


class CountedClock:
    """Counts naps, and wakes at once until `naps` of them are over; then it sleeps until cancelled."""

    def __init__(self, naps: int) -> None:
        self.periods: list[timedelta] = []
        self._left = naps
        self.finished = anyio.Event()

    async def sleep(self, period: timedelta) -> None:
        self.periods.append(period)
        if len(self.periods) >= self._left:
            self.finished.set()
            await anyio.sleep_forever()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture
def listener(path: str) -> Iterator[Listener]:
    listening = Listener(path)
    yield listening
    listening.close()


def test_readiness_comes_with_a_status_line(listener: Listener, path: str) -> None:
    Notifier(path).ready("watching 3 invoices")

    assert listener.heard() == ["READY=1", "STATUS=watching 3 invoices"]


def test_an_abstract_socket_is_reached_by_its_at_sign() -> None:
    name = f"invoice-watcher-test-{os.getpid()}"
    listening = Listener("\0" + name)

    Notifier("@" + name).stopping()

    assert listening.heard() == ["STOPPING=1"]
    listening.close()


def test_a_reload_reports_its_instant_on_the_monotonic_clock_in_microseconds(listener: Listener, path: str) -> None:
    Notifier(path, monotonic_ns=lambda: 5_000_001_999).reloading()

    assert listener.heard() == ["RELOADING=1", "MONOTONIC_USEC=5000001"]


def test_a_newline_in_a_status_cannot_start_another_message(listener: Listener, path: str) -> None:
    Notifier(path).status("bad file:\nREADY=1")

    assert listener.heard() == ["STATUS=bad file: READY=1"]


def test_without_systemd_nothing_is_sent_and_nothing_fails() -> None:
    notifier = Notifier.from_environment({}, pid=1)

    notifier.ready("up")
    notifier.alive()

    assert notifier.alive_every is None


def test_a_socket_that_is_gone_does_not_stop_the_service(tmp_path: Path) -> None:
    notifier = Notifier(str(tmp_path / "gone"))

    notifier.ready("up")

    assert not (tmp_path / "gone").exists()


def test_a_vsock_address_is_left_alone() -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": "vsock:2:1234"}, pid=1)

    notifier.stopping()

    assert notifier.alive_every is None


@pytest.mark.parametrize(
    ("environment", "every"),
    [
        ({"WATCHDOG_USEC": "30000000"}, timedelta(seconds=15)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, timedelta(seconds=15)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_per_limit_by_the_process_it_was_meant_for(
    environment: dict[str, str], every: timedelta | None
) -> None:
    assert Notifier.from_environment(environment, pid=77).alive_every == every


async def test_the_watchdog_is_fed_only_while_the_loops_turn(listener: Listener, path: str) -> None:
    clock = CountedClock(naps=3)
    heartbeats = iter([True, False, True])

    async with anyio.create_task_group() as group:
        group.start_soon(
            feed_watchdog, Notifier(path, watchdog=timedelta(seconds=4)), clock.sleep, lambda: next(heartbeats)
        )
        await clock.finished.wait()
        group.cancel_scope.cancel()

    assert [listener.heard(), listener.heard()] == [["WATCHDOG=1"], ["WATCHDOG=1"]]
    assert listener.is_silent()
    assert clock.periods == [timedelta(seconds=2)] * 3


async def test_feeding_ends_at_once_where_nobody_watches(path: str) -> None:
    clock = CountedClock(naps=1)

    await feed_watchdog(Notifier(path), clock.sleep, lambda: True)

    assert clock.periods == []
