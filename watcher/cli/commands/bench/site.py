"""What is measured: a configuration in a temporary folder, watches and endpoints in a throw-away database."""

import json
from collections.abc import Sequence
from pathlib import Path

from watcher.clock import SystemClock
from watcher.core import json_text
from watcher.ports import DesiredWatch, SourceRow
from watcher.sandbox.receiver import DEMO_SECRET
from watcher.store import Reports, SqlEndpoints, SqlOutbox, SqlWatches, Store

SOURCE = "bench"
_ENDPOINTS = 20
"""So many that none is at its limit of attempts at once."""
_HEAD = """
[database]
url = {database}
[watcher]
watchlists = []
announce_tracked = true
[polling]
policy = "fixed"
every = "1s"
[http]
listen = ""
[log]
level = "warning"
format = "json"
[sources.{source}]
provider = "meteroid"
base_url = "{url}"
api_key = {{ file = "secret" }}
rate = "10000/s"
enabled = {polls}
"""
_ENDPOINT = """
[endpoints.{name}]
url = "{url}/{name}"
secrets = [{{ file = "secret" }}]
tags = ["{name}"]
allow_private = ["127.0.0.0/8"]
rate = "1000/s"
"""
_NAMES = tuple(f"e{number:02d}" for number in range(_ENDPOINTS))


def write_config(folder: Path, database: str, url: str, *, polls: bool) -> Path:
    secret, config = folder / "secret", folder / "watcher.toml"
    for path in (secret, config):
        path.touch(mode=0o600)
    secret.write_text(DEMO_SECRET)
    head = _HEAD.format(database=json.dumps(database), source=SOURCE, url=url, polls=json.dumps(polls))
    config.write_text(head + "".join(_ENDPOINT.format(name=name, url=url) for name in _NAMES))
    return config


async def watch(store: Store, ids: Sequence[str], url: str) -> None:
    """Each invoice is for one endpoint, and all endpoints are disabled: what is recorded for them waits."""
    now = SystemClock().now()
    watches, endpoints = SqlWatches(store), SqlEndpoints(store)
    await watches.sync_sources([SourceRow(SOURCE, "meteroid")], now)
    await SqlOutbox(store).sync_endpoints({name: f"{url}/{name}" for name in _NAMES}, now)
    for name in _NAMES:
        await endpoints.disable(name, "operator", now)
    entries = [DesiredWatch(SOURCE, one, (_NAMES[number % _ENDPOINTS],)) for number, one in enumerate(ids)]
    await watches.import_entries(entries, "cli", now)


async def enable_endpoints(store: Store) -> int:
    """Returns how many deliveries wait for them."""
    for name in _NAMES:
        await SqlEndpoints(store).enable(name, SystemClock().now())
    listed = await Reports(store).endpoints()
    return sum(int(str(one["waiting"])) for one in listed if one["name"] in _NAMES)


async def one_body(store: Store) -> bytes:
    """As large as the webhooks that are delivered."""
    (event, *_) = await Reports(store).events(limit=1)
    return json_text.write(event)
