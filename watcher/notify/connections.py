"""Holds the address guard over connections that a library makes by itself.

Python reports each connection, each program started and each file opened to its audit hooks (PEP 578), in the thread
that does it and before it happens; a hook that raises prevents it. Code that wants to get around a hook can; a library
that means no harm cannot do so by accident.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from watcher.egress import EgressRefused, Guard

_PROGRAMS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.spawn"}
)
_CACHE = "__pycache__"
"""Python writes there when it imports a module for the first time."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


@dataclass(slots=True)
class Watch:
    """What the guard refused while it was held."""

    guard: Guard
    refused: list[str] = field(default_factory=list[str])

    def refuse(self, what: str) -> None:
        self.refused.append(what)
        raise EgressRefused(f"notifications may not {what}")


_watch: ContextVar[Watch | None] = ContextVar("notification_guard", default=None)


@contextmanager
def guarded(guard: Guard) -> Generator[Watch]:
    """In this thread, until the block ends: no connection that the guard refuses, no program, no file written."""
    _install()
    watch = Watch(guard)
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


@cache
def _install() -> None:
    """Once per process: a hook stays until its end."""
    sys.addaudithook(_hook)


def _hook(event: str, args: tuple[object, ...]) -> None:
    # Called for everything that happens in every thread: it decides by the name first.
    if event == "open" or event.startswith(("socket.", "os.", "subprocess.", "pty.")):
        watch = _watch.get()
        if watch is not None:
            _check(watch, event, args)


def _check(watch: Watch, event: str, args: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        host, port = _host_and_port(args[1])
        if not watch.guard.allows(host, port):
            watch.refuse(f"go to {host:.60} port {port}")
    elif event in _PROGRAMS:
        watch.refuse("start a program")
    elif event == "open" and isinstance(args[2], int) and args[2] & _WRITING and _CACHE not in str(args[0]):
        watch.refuse("write a file")


def _host_and_port(address: object) -> tuple[str, int]:
    """Of what is no internet address, such as the path of a local socket, a host that no guard allows."""
    if not isinstance(address, tuple):
        return "a local socket", 0
    host, port, *_ = cast("tuple[object, ...]", address)
    return str(host), port if isinstance(port, int) else 0
