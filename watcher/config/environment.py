"""The one place that reads the process's environment; everything else gets it passed in."""

import os
from collections.abc import Mapping


def environment() -> Mapping[str, str]:
    """The variables as they are now: they do not change in a process's life, so one reading is enough."""
    return dict(os.environ)
