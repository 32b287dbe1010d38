"""The HTTP side of a real service, over real sockets and a real database of either kind."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.integration.web.client import TOKEN, Client
from watcher.clock import SystemClock
from watcher.config.reload import ConfigFiles, reader
from watcher.daemon.http_server import http_server_of
from watcher.daemon.replica import Replica
from watcher.daemon.runtime import Runtime
from watcher.daemon.service import Service
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.session import open_session
from watcher.store import Store
from watcher.webhook import WebhookSender

CONFIG = """\
[watcher]
watchlists = ["list.csv"]

[http]
listen = "127.0.0.1:0"
{token}
[sources.acme]
provider = "meteroid"
base_url = "http://127.0.0.1:9"
api_key = {{ env = "KEY" }}
rate = "5/s"

[sources.other]
provider = "meteroid"
base_url = "http://127.0.0.1:9"
api_key = {{ env = "KEY" }}

[endpoints.ledger]
url = "http://127.0.0.1:9/hook"
secrets = [{{ env = "SECRET" }}]
events = ["*"]
allow_private = ["127.0.0.0/8"]

[endpoints.crm]
url = "https://crm.example.com/hook"
secrets = [{{ env = "SECRET" }}]
"""
WITH_TOKEN = 'token = { env = "TOKEN" }\n'
ENVIRONMENT = {
    "KEY": "key-a1b2c3d4",
    "SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0",
    "TOKEN": TOKEN,
}


@asynccontextmanager
async def served(folder: Path, store: Store, *, token: bool, config: str = CONFIG) -> AsyncGenerator[Client]:
    """The service does not poll or send: what the requests alone do stays visible."""
    (folder / "list.csv").write_text("source,invoice_id\nother,inv_listed\n")
    (folder / "watcher.toml").write_text(config.format(token=WITH_TOKEN if token else ""))
    read = reader(folder / "watcher.toml", PROVIDERS, ENVIRONMENT)
    loaded, clock = read(), SystemClock()
    async with open_session() as session, WebhookSender({}, clock) as sender:
        replica, runtime = Replica(store, "one", clock), Runtime(session, sender, clock)
        service = Service(loaded, ConfigFiles(loaded, read, clock), replica, runtime)
        await service.apply(loaded)
        async with (
            http_server_of(service) as address,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as asking,
        ):
            assert address is not None
            yield Client(f"http://{address}", asking, service)


@pytest.fixture
async def client(store: Store, tmp_path: Path) -> AsyncGenerator[Client]:
    """Asks a service that has a token, with that token, on either database."""
    async with served(tmp_path, store, token=True) as found:
        yield found


@pytest.fixture
async def sqlite_client(sqlite_store: Store, tmp_path: Path) -> AsyncGenerator[Client]:
    """The same on SQLite alone, where no query is the point."""
    async with served(tmp_path, sqlite_store, token=True) as found:
        yield found


@pytest.fixture
async def open_client(sqlite_store: Store, tmp_path: Path) -> AsyncGenerator[Client]:
    """Asks a service without a token."""
    async with served(tmp_path, sqlite_store, token=False) as found:
        yield found
