"""`endpoints`: the webhook subscribers."""

import anyio

from watcher.cli.opening import opened
from watcher.cli.options import Invocation, command, group
from watcher.cli.output import Column, field, print_list

app = group("List the webhook subscribers, or test one.")

COLUMNS = (
    field("endpoint", "name"),
    field("url", "url"),
    field("state", "state"),
    Column("waiting", field("", "waiting").value, right=True),
)


@command(app, "list", "endpoints list")
def list_all(invocation: Invocation) -> None:
    """List the endpoints, whether they are in order, and how many deliveries wait for each."""
    anyio.run(_list, invocation)


async def _list(invocation: Invocation) -> None:
    async with opened(invocation) as store:
        rows = await store.reports.endpoints()
    print_list(invocation, rows, COLUMNS, empty="No endpoint is configured.")
