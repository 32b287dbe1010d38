"""The program with its hourly maintenance every second: `python -m tests.acceptance.hourly run …`."""

import sys
from datetime import timedelta

from watcher import maintenance
from watcher.cli import main

if __name__ == "__main__":
    maintenance.RETENTION_EVERY = timedelta(seconds=1)
    sys.exit(main())
