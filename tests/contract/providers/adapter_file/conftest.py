"""Accounts at a provider whose adapter file is put together from parts."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from tests.fakes.provider_server import ProviderServer, StillClock
from watcher.config.adapters.files import load_adapter
from watcher.ports import Provider
from watcher.providers.adapter_file.provider import kind_of
from watcher.providers.adapter_file.spec import AdapterSpec
from watcher.providers.toolkit.kind import Account

PLAIN = """
name = "plain"
[http]
options = { team = "" }
{http}
[auth]
{auth}
[invoice]
path = "/bills/{id}"
document = "bill"
{invoice}
[probe]
path = "/bills"
{more}
[map]
{map}
[map.status]
of = "state"
words = { {words} }
[map.amounts]
currency = "currency"
unit = "minor"
total = {total}
paid = 0
due = "total"
"""
BILL = {"id": "b 1/2", "state": "open", "currency": "EUR", "total": 100}
BEARER = 'type = "bearer"\ntoken = "api_key"'

Make = Callable[..., Provider]
Specify = Callable[..., AdapterSpec]
_DEFAULTS = {"auth": BEARER, "words": 'open = "open", paid = "paid"', "total": '"total"'}


@pytest.fixture
def specify(tmp_path: Path) -> Specify:
    """Read a file that is put together from parts."""

    def read(**parts: str) -> AdapterSpec:
        text = PLAIN
        for part in ("http", "auth", "invoice", "more", "map", "words", "total"):
            text = text.replace(f"{{{part}}}", parts.get(part, _DEFAULTS.get(part, "")))
        (tmp_path / "plain.toml").write_text(text)
        return load_adapter(tmp_path / "plain.toml").spec

    return read


@pytest.fixture
def make(specify: Specify, session: aiohttp.ClientSession, server: ProviderServer, clock: StillClock) -> Make:
    """Build a provider from parts of a file."""

    def made(
        *, credentials: Mapping[str, str] | None = None, options: Mapping[str, str] | None = None, **parts: str
    ) -> Provider:
        kind = kind_of(specify(**parts))
        keys = credentials or dict.fromkeys(kind.credentials, "key-1")
        account = Account(
            "acme",
            f"{server.url}/v2",
            ZoneInfo("UTC"),
            timedelta(seconds=5),
            keys,
            {**kind.options, **kind.texts, **(options or {})},
        )
        return kind.build(account, session, clock, lambda: 0.5)

    return made
