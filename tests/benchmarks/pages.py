"""Milliseconds that the page takes on the server, with few and with very many invoices.

    python -m tests.benchmarks.pages [--invoices 10] [--database URL] [--rounds 20]

The pages are asked over HTTP from the same process that `run` builds, without its polling. A database that is there
already is used as it is; a new one is filled by the store's own code (about three minutes for 100,000). `--database
postgresql` starts a server of its own. The CPU is that of this process, which asks and answers; with PostgreSQL, that
of the server is not in it.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import cast

import aiohttp
import anyio

from tests.fakes.many import ENDPOINTS, SOURCES, fill
from tests.fakes.postgresql import ON_DISK, cluster
from watcher import logs
from watcher.clock import SystemClock
from watcher.config.reload import ConfigFiles, reader
from watcher.daemon.http_server import http_server_of
from watcher.daemon.replica import Replica
from watcher.daemon.runtime import Runtime
from watcher.daemon.service import Service
from watcher.ports import Item
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.session import open_session
from watcher.store import Reports, open_store
from watcher.webhook import WebhookSender

PATHS = (
    "/",
    "/invoices",
    "/invoices?search=0099",
    "/invoices?search=nothing-like-it",
    "/invoices?status=uncollectible",
    "/invoices?status=deleted",
    "/invoices?overdue=true",
    "/invoices?tag=nobody",
    "/invoices?sort=due_date",
    "/invoices?sort=amount_due&order=desc",
    "/invoices?sort=age&order=desc",
    "/invoices?sort=last_change&order=desc",
    "/invoices?sort=due_date&search=nothing-like-it",
    "/invoices?sort=due_date&search=inv",
    "/invoices?sort=due_date&currency=EUR",
    "/invoices?customer=cus_7",
    "/invoices/acme/inv_000003",
    "/watches",
    "/watches?state=failing",
    "/events",
    "/events?type=invoice.reopened",
    "/events?tag=nobody",
    "/deliveries",
    "/deliveries?state=dead",
    "/deliveries?state=parked",
    "/endpoints",
    "/customers",
    "/customers?search=nothing-like-it",
    "/aging",
    "/aging?by=customer",
    "/aging?by=tag",
    "/forecast",
    "/dso",
    "/audit",
)
CONFIG = '[http]\nlisten = "127.0.0.1:0"\n'
KEYS = {"meteroid": ["api_key"], "chargeover": ["public_key", "private_key"], "rapyd": ["access_key", "secret_key"]}
ENVIRONMENT = {"KEY": "key-a1b2c3d4", "SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}


def config(folder: Path) -> Path:
    """The sources and endpoints that the database is filled for."""
    text = CONFIG
    for name, provider in SOURCES.items():
        text += f'[sources.{name}]\nprovider = "{provider}"\nbase_url = "http://127.0.0.1:9"\n'
        text += "".join(f'{key} = {{ env = "KEY" }}\n' for key in KEYS[provider])
    for name, url in ENDPOINTS.items():
        text += f'[endpoints.{name}]\nurl = "{url}"\nsecrets = [{{ env = "SECRET" }}]\n'
    file = folder / "watcher.toml"
    file.write_text(text)
    return file


async def measure(url: str, paths: Sequence[str], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds, and milliseconds of CPU."""
    took: dict[str, list[tuple[float, float]]] = {path: [] for path in paths}
    async with aiohttp.ClientSession() as session:
        for _ in range(rounds):
            for path in paths:
                began, cpu = time.perf_counter(), time.process_time()
                async with session.get(url + path) as answer:
                    await answer.read()
                    assert answer.status == 200, (path, answer.status)
                took[path].append(((time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000))
    return took


async def run(invoices: int, database: str, rounds: int, folder: Path) -> None:
    read = reader(config(folder), PROVIDERS, ENVIRONMENT)
    loaded, clock = read(), SystemClock()
    async with (
        open_store(database, create=True) as store,
        open_session() as session,
        WebhookSender({}, clock) as sender,
    ):
        if invoices and not await Reports(store).watch_list(limit=1):
            await fill(store, invoices, datetime.now(UTC))
        replica, runtime = Replica(store, "one", clock), Runtime(session, sender, clock)
        service = Service(loaded, ConfigFiles(loaded, read, clock), replica, runtime)
        await service.apply(loaded)
        async with http_server_of(service) as address, anyio.create_task_group() as group:
            began = time.perf_counter()
            await service.dashboard_cache.renew()
            print(f"figures over everything: {(time.perf_counter() - began) * 1000:.0f} ms, read apart from requests")
            group.start_soon(service.dashboard_cache.keep)
            paths = [path for path in PATHS if invoices or not path.startswith("/invoices/")]
            first = (await Reports(store).invoices(limit=1))[:1]
            paths += [f"/customers/{one['source']}/{cast('Item', one['customer'])['id']}" for one in first]
            took = await measure(f"http://{address}", paths, rounds)
            for path, found in took.items():
                wall, cpu = zip(*found, strict=True)
                print(
                    f"{path:48} median {median(wall):6.1f} ms   slowest {max(wall):6.1f} ms   CPU {median(cpu):6.1f} ms"
                )
            group.cancel_scope.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=10)
    parser.add_argument("--database")
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    logs.configure("warning", "console")
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory())
        database = chosen.database or f"sqlite:///{name}/watcher.db"
        if database == "postgresql":
            database = stack.enter_context(cluster(ON_DISK))
        asyncio.run(run(chosen.invoices, database, chosen.rounds, Path(name)))


if __name__ == "__main__":
    main()
