"""A real Chromium, and the page of a real service with a few invoices in front of it."""

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.fakes.many import fill
from tests.integration.web.conftest import CONFIG, served
from tests.npm import install_locked
from watcher.daemon.service import Service
from watcher.ports import DetectionDelay
from watcher.store import Store

LONG = "a_long_name_" * 5 + "long"
"""As long as the configuration allows, and without a place to break it."""
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-gpu",
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; skipped aloud where it is not."""
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed: nothing shows what the page looks like")
    return CHROMIUM


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, as the lock has it."""
    return (install_locked(Path(__file__).parent) / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
async def browser(chromium: str) -> AsyncGenerator[Browser]:
    async with launched(chromium) as opened:
        yield opened


@asynccontextmanager
async def launched(chromium: str) -> AsyncGenerator[Browser]:
    # As root Chromium has no sandbox of its own; it meets nothing here but our own page.
    alone = ("--no-sandbox",) if os.geteuid() == 0 else ()
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium, args=[*_QUIET, *alone])
        try:
            yield opened
        finally:
            await opened.close()


@dataclass(frozen=True)
class Site:
    """A service whose page is served at `url`."""

    url: str
    service: Service


@pytest.fixture
async def site(sqlite_store: Store, tmp_path: Path) -> AsyncGenerator[Site]:
    """Thirty invoices at acme, with events and deliveries; no token."""
    await fill(sqlite_store, 30, datetime.now(UTC), sources=["acme"])
    async with served(tmp_path, sqlite_store, token=False) as client:
        yield Site(client.url, client.service)


@pytest.fixture
async def small_site(sqlite_store: Store, tmp_path: Path) -> AsyncGenerator[Site]:
    """A few invoices at acme, of each kind that lists show, and an entry in the audit trail."""
    await fill(sqlite_store, 8, datetime.now(UTC), sources=["acme"])
    async with served(tmp_path, sqlite_store, token=False) as client:
        await client.ask("POST", "/api/v1/endpoints/crm/disable")
        yield Site(client.url, client.service)


@pytest.fixture
async def empty_site(sqlite_store: Store, tmp_path: Path) -> AsyncGenerator[Site]:
    """A new installation, which has polled nothing."""
    async with served(tmp_path, sqlite_store, token=False) as client:
        yield Site(client.url, client.service)


@pytest.fixture
async def locked_site(sqlite_store: Store, tmp_path: Path) -> AsyncGenerator[Site]:
    """A service with a token, and nothing watched but what its list names."""
    async with served(tmp_path, sqlite_store, token=True) as client:
        yield Site(client.url, client.service)


@pytest.fixture
async def wide_site(sqlite_store: Store, tmp_path: Path) -> AsyncGenerator[Site]:
    """A source and an endpoint with long names; what is open there is counted, in large numbers."""
    config = CONFIG.replace("acme", LONG).replace("ledger", LONG)
    async with served(tmp_path, sqlite_store, token=False, config=config) as client:
        hour = timedelta(hours=1)
        client.service.detection_delays = (
            DetectionDelay(LONG, "adaptive", 1_234_567, hour, 89_012, hour, hour, 9 * hour, None),
        )
        yield Site(client.url, client.service)
