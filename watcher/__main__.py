"""`python -m watcher` is `invoice-watcher`."""

import sys

from watcher.cli import main

sys.exit(main())
