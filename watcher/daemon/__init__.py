"""Settings in, a running service out: the only package that builds things."""

from watcher.daemon.asking import SourceAnswer, check, get, listed
from watcher.daemon.running import run, run_once
from watcher.daemon.trying import send_test

__all__ = ["SourceAnswer", "check", "get", "listed", "run", "run_once", "send_test"]
