"""The command line. `main` turns every failure into a message on standard error and an exit code."""

import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

from watcher.cli.command_table import build
from watcher.core.errors import ConfigError, WatcherError

OK = 0
FAILED = 1
BAD_USAGE = 2
_INTERRUPTED = 130
_FIRST_PROCESS = 1
"""The kernel drops SIGTERM to the first process of a container where it has no handler: it would go on until killed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 success, 1 something failed, 2 bad usage or configuration."""
    _escape_unwritable(sys.stdout, sys.stderr)
    if os.getpid() == _FIRST_PROCESS:
        signal.signal(signal.SIGTERM, _end)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
        return FAILED
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        build()(args=arguments, prog_name="invoice-watcher")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (WatcherError, OSError) as error:
        return explain(error)
    except ExceptionGroup as group:
        return explain(_first(group))
    return OK


def _end(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)  # as a shell reports the default


def explain(error: Exception) -> int:
    """Print what went wrong to standard error, without a traceback; returns the exit code for it."""
    match error:
        case ConfigError():
            lines, code = error.problems, BAD_USAGE
        case WatcherError():
            lines, code = (str(error),), FAILED
        case OSError():
            name = f"{error.filename}: " if error.filename else ""
            lines, code = (f"{name}{error.strerror or error}",), FAILED
        case _:
            raise error
    for line in lines:
        sys.stderr.write(f"error: {line}\n")
    return code


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Task groups wrap what their tasks raise: an operator wants the failure itself."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] -- narrowing loses the group's parameter


def _escape_unwritable(*streams: TextIO) -> None:
    """Answers are always UTF-8; what cannot be written even so is escaped, because an error must be shown."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=stream.encoding if stream.isatty() else "utf-8", errors="backslashreplace")


def _abandon_stdout() -> None:
    """The reader is gone (`| head`): the interpreter's own last flush must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
