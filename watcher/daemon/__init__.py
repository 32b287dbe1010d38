"""Settings in, a running service out: the only package that builds things."""

from watcher.daemon.asking import SourceAnswer, check, get, listed
from watcher.daemon.service import run, run_once

__all__ = ["SourceAnswer", "check", "get", "listed", "run", "run_once"]
