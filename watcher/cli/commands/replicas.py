"""`replicas`: the processes that share a database."""

import anyio

from watcher.cli.open_store import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import field, print_list
from watcher.clock import SystemClock

app = top_level()

COLUMNS = (
    field("name", "name"),
    field("state", "state"),
    field("config", "config"),
    field("version", "version"),
    field("host", "host"),
    field("pid", "pid", right=True),
    field("started", "started_at"),
    field("heartbeat", "heartbeat_at"),
)


@command(app, "replicas", "replicas --json")
def replicas(invocation: Invocation) -> None:
    """List the processes that share a PostgreSQL database: who is alive, and whose configuration differs.

    With SQLite there are none: one process uses the file at a time.
    """
    anyio.run(_replicas, invocation)


async def _replicas(invocation: Invocation) -> None:
    async with opened(invocation) as store:
        rows = await store.reports.replicas(SystemClock().now())
    print_list(invocation, rows, COLUMNS, empty="No replica is registered.")
