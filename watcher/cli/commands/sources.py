"""`sources`: the accounts."""

import anyio

from watcher.cli.open_store import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import field, print_list
from watcher.config.values.durations import format_rate

app = top_level()

COLUMNS = (
    field("source", "name"),
    field("provider", "provider"),
    field("state", "state"),
    field("rate", "rate"),
    field("watches", "watches", right=True),
)


@command(app, "sources", "sources --json")
def sources(invocation: Invocation) -> None:
    """List the accounts at billing providers, their state, and how many invoices each has to watch."""
    anyio.run(_sources, invocation)


async def _sources(invocation: Invocation) -> None:
    async with opened(invocation) as store:
        configured = store.loaded.configuration.sources.values()
        rows = await store.reports.sources({source.name: format_rate(source.rate) for source in configured})
    print_list(invocation, rows, COLUMNS, empty="No source is configured.")
