"""Whose CPU it was: of this program, of PostgreSQL, of the server that answers."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Of a process, and of its children: those that live, and those that ended."""
    spent = _ticks(pid, ended_children=True)
    for child in _children(pid):
        spent += _ticks(child, ended_children=False)
    return spent / _TICKS


def postmaster(url: str) -> int:
    """The process of the throw-away cluster that a URL of `tests.fakes.postgresql.cluster` names."""
    folder = Path(url.partition("host=")[2].partition("&")[0])
    return int((folder / "c" / "postmaster.pid").read_text().splitlines()[0])


def _ticks(pid: int, *, ended_children: bool) -> int:
    fields = _stat(pid)
    return sum(int(field) for field in fields[11 : 15 if ended_children else 13])


def _children(pid: int) -> list[int]:
    others = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [other for other in others if (fields := _stat(other)) and int(fields[1]) == pid]


def _stat(pid: int) -> list[str]:
    """The fields after the name; none if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
