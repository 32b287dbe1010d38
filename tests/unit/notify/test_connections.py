"""What a library may not do while the guard is held."""

import socket
import subprocess
import sys
import threading
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from watcher.egress import EgressRefused, Guard
from watcher.notify.connections import guarded

CLOSED = Guard(any_port=True)
OPEN_HERE = Guard((IPv4Network("127.0.0.0/8"),), tls=False, any_port=True)


@pytest.fixture(name="port")
def fixture_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "0.0.0.0", "169.254.169.254", "10.1.2.3", "::1"])  # noqa: S104
def test_no_connection_is_made_that_the_guard_refuses_by_whatever_name(address: str, port: int) -> None:
    with guarded(CLOSED) as watch, pytest.raises(OSError, match=r"may not go to|unreachable|Cannot assign"):
        socket.create_connection((address, port), timeout=0.2)
    assert watch.refused or address == "::1"


def test_without_encryption_only_allowed_networks_are_reached() -> None:
    with guarded(OPEN_HERE) as watch, pytest.raises(EgressRefused, match=r"may not go to 93\.184\.216\.34 port 25"):
        socket.create_connection(("93.184.216.34", 25), timeout=0.2)
    assert watch.refused == ["go to 93.184.216.34 port 25"]


def test_what_the_guard_allows_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, guarded(OPEN_HERE) as watch:
        socket.create_connection(server.getsockname(), timeout=1).close()
    assert watch.refused == []


def test_datagrams_and_local_sockets_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, guarded(CLOSED), pytest.raises(EgressRefused):
        datagrams.sendto(b"x", ("127.0.0.1", 9))
    with socket.socket(socket.AF_UNIX) as local, guarded(CLOSED), pytest.raises(EgressRefused, match="a local socket"):
        local.connect(str(tmp_path / "bus"))


def test_no_program_is_started_and_no_file_written(tmp_path: Path) -> None:
    with guarded(OPEN_HERE) as watch:
        with pytest.raises(EgressRefused, match="start a program"):
            subprocess.run([sys.executable, "-c", ""], check=False)
        with pytest.raises(EgressRefused, match="write a file"):
            (tmp_path / "new").write_text("x")
    assert watch.refused == ["start a program", "write a file"]
    assert list(tmp_path.iterdir()) == []


def test_other_threads_and_the_time_after_are_free(tmp_path: Path) -> None:
    def write() -> None:
        with suppress(EgressRefused):
            (tmp_path / "theirs").write_text("x")

    with guarded(CLOSED):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    (tmp_path / "ours").write_text("x")
    assert {path.name for path in tmp_path.iterdir()} == {"theirs", "ours"}
