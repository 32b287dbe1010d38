"""Settings in, a running service out: the only package that builds things."""

from watcher.daemon.bootstrap import run, run_once
from watcher.daemon.endpoint_test import audited_outcome, fault_words, send_example, send_test
from watcher.daemon.online_check import SourceAnswer, check, get, listed

__all__ = [
    "SourceAnswer",
    "audited_outcome",
    "check",
    "fault_words",
    "get",
    "listed",
    "run",
    "run_once",
    "send_example",
    "send_test",
]
