"""Starts `run`s by forking a process that has imported the program already: importing it is most of a start.

Each line of standard input is `[[argument, …], log file]`; what is printed are `["started", pid]`, in their order, and
`["ended", pid, code]`. At the end of the input all that still run are killed.
"""

import json
import os
import selectors
import signal
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

import aiosqlite
import asyncpg

import watcher.cli.commands.run
import watcher.daemon.bootstrap
from watcher.cli import main

PRELOADED = (aiosqlite, asyncpg, watcher.cli.commands.run, watcher.daemon.bootstrap)
_CHUNK = 1 << 16


def _say(*words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _run(arguments: list[str], log: str) -> NoReturn:
    """The forked process: as if it had been started by itself, with its output in the log."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    code = 1
    try:
        code = main(arguments)
    except BaseException:  # noqa: BLE001 -- as the interpreter does at its end
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _reap(running: set[int]) -> None:
    for pid in tuple(running):
        with suppress(ChildProcessError):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                running.discard(pid)
                _say("ended", pid, os.waitstatus_to_exitcode(status))


def _start(line: bytes, running: set[int]) -> None:
    arguments, log = json.loads(line)
    pid = os.fork()
    if pid == 0:
        _run(arguments, log)
    running.add(pid)
    _say("started", pid)


def _wake_up(_number: int, _frame: object) -> None:
    """Only a signal that has a handler writes to the pipe."""


def serve() -> None:
    running: set[int] = set()
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_inheritable(awake, False)  # noqa: FBT003 -- same
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, _wake_up)
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(awake, selectors.EVENT_READ)
    unread = b""
    while True:
        for key, _ in selector.select():
            chunk = os.read(key.fd, _CHUNK)
            if key.fd == awake:
                _reap(running)
                continue
            if not chunk:
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                return
            *lines, unread = (unread + chunk).split(b"\n")
            for line in lines:
                _start(line, running)


if __name__ == "__main__":
    serve()
