"""How long until another replica does what a lost one held, and how soon a change wakes a replica.

    python -m tests.benchmarks.takeover [--trials 30] [--parallel 3]

Each trial has a PostgreSQL database and two replicas of its own. The first holds a poll and a delivery, and is killed
(dead) or stopped (hanging); the times are from there to the same request by the second. A wake-up of polls is from the
commit of a watch in another process to the request that the replica makes for it, and one of deliveries from the commit
of a redelivery to the attempt.
"""

import argparse
import signal
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

import anyio
import asyncpg

from tests.acceptance.daemon import ALIVE_AFTER, Site, until
from tests.acceptance.operating import started
from tests.acceptance.silence import silent_server
from tests.fakes.postgresql import cluster
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import DesiredWatch
from watcher.sandbox import Receiver, Sandbox
from watcher.store import Redelivery, SqlWatches, open_store

_JUDGING_SECONDS = 8
"""A replica calls no other one lost before it has sent heartbeats for some seconds itself."""
_numbers = count(1)


@dataclass
class Times:
    """In seconds."""

    dead: list[float] = field(default_factory=list[float])
    hanging: list[float] = field(default_factory=list[float])
    polls: list[float] = field(default_factory=list[float])
    deliveries: list[float] = field(default_factory=list[float])


async def new_database(server: str) -> str:
    """The URL of an empty database."""
    name = f"database_{next(_numbers)}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return server.replace("/postgres?", f"/{name}?")


async def lose_one(server: str, number: signal.Signals, taken: list[float]) -> None:
    """Two replicas, one of which is lost while it holds a poll and a delivery."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = await new_database(server)
        sandbox = await stack.enter_async_context(Sandbox())
        site = Site(folder, sandbox, await stack.enter_async_context(Receiver()), database={"url": url})
        provider, receiver = [await stack.enter_async_context(silent_server()) for _ in range(2)]
        sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
        site.source("meteroid")
        site.watch("meteroid", "inv_1")
        site.source("meteroid", name="silent", base_url=provider.url, timeout="60s")
        site.watch("silent", "inv_2")
        site.endpoint("silent", url=receiver.url, timeout="30s")
        site.write()
        first = await stack.enter_async_context(started(site, "--name", "first"))
        await until(lambda: provider.asked_at and receiver.asked_at, "the first holds a poll and a delivery")
        second = await stack.enter_async_context(started(site, "--name", "second"))
        await until(lambda: second.has_logged(ALIVE_AFTER), "the second runs")
        await anyio.sleep(_JUDGING_SECONDS)
        lost_at = anyio.current_time()
        first.signal(number)
        for one in (provider, receiver):
            await until(lambda one=one: len(one.asked_at) > 1, "the second asks", within=60)
        taken.append(max(one.asked_at[1] for one in (provider, receiver)) - lost_at)


async def wake(server: str, trials: int, times: Times) -> None:
    """Watches added, and events sent again, by another process beside an idle replica."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = await new_database(server)
        sandbox = await stack.enter_async_context(Sandbox())
        receiver = await stack.enter_async_context(Receiver())
        site = Site(folder, sandbox, receiver, database={"url": url})
        site.polling |= {"every": "1h"}
        site.source("meteroid")
        site.endpoint()
        site.write()
        daemon = await stack.enter_async_context(started(site))
        store = await stack.enter_async_context(open_store(url, create=True))
        watches, redelivery = SqlWatches(store), Redelivery(store)
        await until(lambda: daemon.has_logged(ALIVE_AFTER), "it runs")
        rng = Random(1)  # noqa: S311 -- nothing secret
        for number in range(trials):
            invoice_id = f"inv_{number}"
            sandbox.ledger.create("meteroid", invoice_id, "EUR", 1000)
            await anyio.sleep(rng.random())  # at any time between two claims
            await watches.add(DesiredWatch("meteroid", invoice_id), "api", datetime.now(UTC))
            written_at = anyio.current_time()
            await until(lambda one=invoice_id: site.asked(one), "it is polled")
            times.polls.append(site.asked(invoice_id)[0] - written_at)
            await until(lambda one=number: len(receiver.deliveries) > 2 * one, "its event is delivered")
            await anyio.sleep(0.2 + rng.random())
            await redelivery.redeliver_event(receiver.deliveries[-1].id, [Subscription("ledger")], datetime.now(UTC))
            written_at = anyio.current_time()
            await until(lambda one=number: len(receiver.deliveries) > 2 * one + 1, "it is sent again")
            times.deliveries.append(receiver.deliveries[-1].arrived_at - written_at)


async def measured(trials: int, parallel: int) -> Times:
    """Runs `parallel` trials at a time."""
    times, limiter = Times(), anyio.CapacityLimiter(parallel)

    async def limited(server: str, number: signal.Signals, taken: list[float]) -> None:
        async with limiter:
            await lose_one(server, number, taken)

    with cluster() as server:
        await wake(server, trials, times)
        async with anyio.create_task_group() as group:
            for _ in range(trials):
                group.start_soon(limited, server, signal.SIGKILL, times.dead)
                group.start_soon(limited, server, signal.SIGSTOP, times.hanging)
    return times


def told(name: str, seconds: Sequence[float]) -> str:
    """One line: median, 99th percentile and worst."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{name:<22} n {len(ordered):>4}   median {ordered[len(ordered) // 2]:7.3f} s   p99 {p99:7.3f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--parallel", type=int, default=3)
    arguments = parser.parse_args()
    times = anyio.run(measured, arguments.trials, arguments.parallel)
    print(told("dead replica", times.dead))
    print(told("hanging replica", times.hanging))
    print(told("wake-up of polls", times.polls))
    print(told("wake-up of deliveries", times.deliveries))


if __name__ == "__main__":
    main()
