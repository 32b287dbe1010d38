"""The course of a benchmark: the bare client before and after the service, so that both see the same machine."""

import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import mean

from watcher.cli.commands.bench import bare_loops, site
from watcher.cli.commands.bench.measuring import Throughput, running
from watcher.cli.commands.bench.report import Report
from watcher.cli.commands.bench.steps import Steps
from watcher.sandbox.load_server import LoadServer, invoice_ids
from watcher.store import open_store, throwaway_database

WHOLE_SECONDS = 30
"""What the usual sizes take on a small machine."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """`longest_seconds` is for first polls and for deliveries: a slow machine does what it can in this time."""

    invoices: int = 6000
    bare_seconds: float = 2.0
    polling_seconds: float = 8.0
    longest_seconds: float = 12.0


USUAL = Sizes()


async def measure(
    server: LoadServer, database: str | None, every: timedelta, steps: Steps, sizes: Sizes = USUAL
) -> Report:
    """Everything, on this server. Raises Refused, StoreUnavailable."""
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="invoice-watcher-bench-")))
        url = await opened.enter_async_context(throwaway_database(database))
        store = await opened.enter_async_context(open_store(url, create=True))
        ids, gets, posts = invoice_ids(sizes.invoices), list[float](), list[float]()
        async with steps.step("adding invoices", 2):
            await site.watch(store, ids, server.url)
        async with steps.step("a bare client", sizes.bare_seconds):
            gets.append(await bare_loops.gets_per_second(server.url, ids, sizes.bare_seconds))
        first_polls, polls = await _polls(steps, sizes, server, site.write_config(folder, url, server.url, polls=True))
        async with steps.step("a bare client", sizes.bare_seconds):
            gets.append(await bare_loops.gets_per_second(server.url, ids, sizes.bare_seconds))
        body, waiting = await site.one_body(store), await site.enable_endpoints(store)
        async with steps.step("a bare client", sizes.bare_seconds):
            posts.append(await bare_loops.posts_per_second(server.url, body, sizes.bare_seconds))
        deliveries = await _deliveries(
            steps, sizes, server, site.write_config(folder, url, server.url, polls=False), waiting
        )
        async with steps.step("a bare client", sizes.bare_seconds):
            posts.append(await bare_loops.posts_per_second(server.url, body, sizes.bare_seconds))
        return Report(store.place, every, first_polls, polls, deliveries, mean(gets), mean(posts))


async def _polls(steps: Steps, sizes: Sizes, server: LoadServer, config: Path) -> tuple[Throughput, Throughput]:
    async with running(config) as service:
        async with steps.step("first polls", 7):
            begun = server.polls
            await service.started(lambda: server.polls)
            first = await service.throughput(
                lambda: server.polls, until=begun + sizes.invoices, seconds=sizes.longest_seconds
            )
        async with steps.step("polls", sizes.polling_seconds):
            await service.until(
                lambda: server.polls >= begun + sizes.invoices + sizes.invoices // 2, sizes.longest_seconds / 4
            )
            return first, await service.throughput(lambda: server.polls, seconds=sizes.polling_seconds)


async def _deliveries(steps: Steps, sizes: Sizes, server: LoadServer, config: Path, waiting: int) -> Throughput:
    async with steps.step("deliveries", 5), running(config) as service:
        begun = server.webhooks
        await service.started(lambda: server.webhooks)
        return await service.throughput(lambda: server.webhooks, until=begun + waiting, seconds=sizes.longest_seconds)
