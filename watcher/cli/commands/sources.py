"""`sources`: the accounts."""

from typing import cast

import anyio

from watcher.cli.open_store import opened
from watcher.cli.options import Invocation, command, top_level
from watcher.cli.output import Column, Item, field, print_list
from watcher.clock import SystemClock
from watcher.config.values.durations import format_rate

app = top_level()

COLUMNS = (
    field("source", "name"),
    field("provider", "provider"),
    field("state", "state"),
    field("rate", "rate"),
    field("watches", "watches", right=True),
    Column("hints", lambda item: hints_text(item.get("hints"))),
)


def hints_text(hints: object) -> str:
    """`-`, `waiting`, `working, 83 % of changes`, `stopped …`."""
    if hints is None:
        return "-"
    found = cast("Item", hints)
    return str(found["state"]) + ("" if found["share"] is None else f", {found['share']:.0%} of changes")


@command(app, "sources", "sources --json")
def sources(invocation: Invocation) -> None:
    """List the accounts at billing providers, their state, and how many invoices each has to watch."""
    anyio.run(_sources, invocation)


async def _sources(invocation: Invocation) -> None:
    async with opened(invocation) as store:
        configured = store.loaded.configuration.sources.values()
        rates = {source.name: format_rate(source.rate) for source in configured}
        rows = await store.reports.sources(SystemClock().now(), rates)
    print_list(invocation, rows, COLUMNS, empty="No source is configured.")
