"""Settings in, a running service out: the only package that builds things."""

from watcher.daemon.asking import SourceAnswer, check, get, listed
from watcher.daemon.running import run, run_once
from watcher.daemon.trying import fault_words, send_example, send_test

__all__ = [
    "SourceAnswer",
    "check",
    "fault_words",
    "get",
    "listed",
    "run",
    "run_once",
    "send_example",
    "send_test",
]
