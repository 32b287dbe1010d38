"""Notifies systemd about this service (sd_notify(3)), without a library: one datagram per message.

If the process was not started by systemd, every call does nothing.
"""

import contextlib
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Self


class Notifier:
    """Sends to the socket that systemd named; a message that cannot be sent is dropped, as sd_notify(3) advises."""

    def __init__(
        self,
        address: str | None,
        *,
        watchdog: timedelta | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`address` is a path, or an abstract name that starts with `@`; `watchdog` is systemd's own limit."""
        self._address = address
        self._monotonic_ns = monotonic_ns
        self.alive_every = watchdog / 2 if watchdog else None
        """How often to send a heartbeat; None if systemd does not watch."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], pid: int) -> Self:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; a watchdog meant for another process is ignored."""
        address = environment.get("NOTIFY_SOCKET", "")
        usec = environment.get("WATCHDOG_USEC", "")
        meant_for = environment.get("WATCHDOG_PID") or str(pid)
        watched = usec.isdecimal() and int(usec) > 0 and meant_for == str(pid)
        return cls(
            address if address[:1] in {"/", "@"} else None,
            watchdog=timedelta(microseconds=int(usec)) if watched else None,
        )

    def ready(self, status: str) -> None:
        """The service is up, or up again after `reloading`."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """A reload began; systemd needs its instant on the monotonic clock (Type=notify-reload)."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={text}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        # A newline inside a value would start another message.
        message = "\n".join(line.replace("\n", " ") for line in lines)
        name = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.settimeout(0)
            sender.sendto(message.encode(), name)


async def feed_watchdog(
    notifier: Notifier, sleep: Callable[[timedelta], Awaitable[None]], heartbeats: Callable[[], bool]
) -> None:
    """Send heartbeats to the watchdog for as long as `turning()` is true: every loop of the service has made progress.

    Returns at once if systemd does not watch, else never.
    """
    if notifier.alive_every is None:
        return
    while True:
        if heartbeats():
            notifier.alive()
        await sleep(notifier.alive_every)
