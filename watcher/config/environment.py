"""The one place where the process's environment is read; everybody else is given it."""

import os
from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """The variables as they are now: they are fixed for a process's life, so one reading is enough."""
    return dict(os.environ)
