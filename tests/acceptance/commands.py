"""Runs command lines one after the other in one process, as `operating.operate_all` asks: starting it is what costs.

Arguments: `--weak` to give up what lets root ignore file modes, then a JSON list of argument lists.
"""

import ctypes
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

from watcher.cli import main

_PR_CAPBSET_DROP = 24
_IGNORES_MODES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)."""


def run(lines: list[list[str]]) -> None:
    for line in lines:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            code = main(line)
        sys.stdout.write(json.dumps([code, out.getvalue(), err.getvalue()]) + "\n")


if __name__ == "__main__":
    first, *rest = sys.argv[1:]
    if first == "--weak":
        for capability in _IGNORES_MODES:
            ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.execv(sys.executable, [sys.executable, "-m", "tests.acceptance.commands", *rest])  # noqa: S606 -- capabilities fall at exec
    run(json.loads(first))
