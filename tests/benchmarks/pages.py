"""Milliseconds that the page takes on the server, with few and with very many invoices.

    python -m tests.benchmarks.pages [--invoices 10] [--database FILE] [--rounds 20]

The pages are asked over HTTP from the same process that `run` builds, without its polling. A database that is there
already is used as it is; a new one is filled by the store's own code (about three minutes for 100,000).
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import aiohttp
import anyio

from tests.fakes.many import ENDPOINTS, SOURCES, fill
from watcher import logs
from watcher.clock import SystemClock
from watcher.config.reload import ConfigFiles, reader
from watcher.daemon.http_server import http_server_of
from watcher.daemon.replica import Replica
from watcher.daemon.runtime import Runtime
from watcher.daemon.service import Service
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


async def measure(url: str, paths: Sequence[str], rounds: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {path: [] for path in paths}
    async with aiohttp.ClientSession() as session:
        for _ in range(rounds):
            for path in paths:
                began = time.perf_counter()
                async with session.get(url + path) as answer:
                    await answer.read()
                    assert answer.status == 200, (path, answer.status)
                took[path].append((time.perf_counter() - began) * 1000)
    return took


async def run(invoices: int, database: Path, rounds: int, folder: Path) -> None:
    read = reader(config(folder), PROVIDERS, ENVIRONMENT)
    loaded, clock = read(), SystemClock()
    async with (
        open_store(f"sqlite:///{database}", create=True) as store,
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
            took = await measure(f"http://{address}", paths, rounds)
            for path, found in took.items():
                print(f"{path:36} median {median(found):6.1f} ms   slowest {max(found):6.1f} ms")
            group.cancel_scope.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=10)
    parser.add_argument("--database", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    logs.configure("warning", "console")
    with tempfile.TemporaryDirectory() as name:
        database = chosen.database or Path(name) / "watcher.db"
        asyncio.run(run(chosen.invoices, database, chosen.rounds, Path(name)))


if __name__ == "__main__":
    main()
