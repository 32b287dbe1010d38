"""What the whole service asks its database for while it has nothing to do."""

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread

from tests.fakes.clock import FakeClock, quiet
from tests.fakes.poller import WatchedStore
from tests.fakes.statements import statements
from watcher.config.reload import ConfigFiles, reader
from watcher.daemon.replica import Replica
from watcher.daemon.runtime import Runtime
from watcher.daemon.service import Service
from watcher.ports import DesiredWatch
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.session import open_session
from watcher.store import SqlWatches, Store
from watcher.webhook import WebhookSender

CONFIG = """\
[http]
listen = "127.0.0.1:0"

[sources.acme]
provider = "meteroid"
base_url = "http://127.0.0.1:9"
api_key = { env = "KEY" }

[endpoints.ledger]
url = "https://ledger.example/hook"
secrets = [{ env = "SECRET" }]
"""
ENVIRONMENT = {"KEY": "k-123", "SECRET": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
MINUTE = timedelta(minutes=1)
MOST_STATEMENTS = 120
"""A write check every ten seconds, and after each the loops ask once; a second's loops ask ten by themselves."""


class _NoJobs:
    """An APScheduler that rings no bell: the maintenance jobs go by the clock on the wall."""

    def add_job(self, *_: object, **__: object) -> None: ...

    def start(self) -> None: ...

    def shutdown(self, *, wait: bool) -> None: ...


async def test_an_idle_minute_asks_the_database_hardly_anything(tmp_path: Path, sqlite_store: Store) -> None:
    (tmp_path / "watcher.toml").write_text(CONFIG)
    read = reader(tmp_path / "watcher.toml", PROVIDERS, ENVIRONMENT)
    store, clock, loaded = WatchedStore.of(sqlite_store), FakeClock(), read()

    async def rest() -> None:
        await quiet()
        while store.busy or anyio.to_thread.current_default_thread_limiter().borrowed_tokens:
            await quiet()

    async with open_session() as session, WebhookSender({}, clock) as sender, anyio.create_task_group() as group:
        runtime = Runtime(
            session,
            sender,
            clock,
            monotonic=lambda: clock.now().timestamp(),
            scheduler=lambda: cast("Any", _NoJobs()),
        )
        service = Service(loaded, ConfigFiles(loaded, read, clock), Replica(store, "one", clock), runtime)
        await service.apply(loaded)
        entries = [DesiredWatch("acme", f"inv_{number}") for number in range(1000)]
        await SqlWatches(store).import_entries(entries, "cli", clock.now() + timedelta(days=1))
        service.start(group, lambda _: None)
        await clock.elapse(MINUTE, rest)
        turns = service.metrics.registry.get_sample_value
        before = turns("invoice_watcher_loop_turns_total", {"loop": "polling"})
        async with statements(store) as asked:
            await clock.elapse(MINUTE, rest)
        after = turns("invoice_watcher_loop_turns_total", {"loop": "polling"})
        assert before is not None
        assert after is not None
        assert after - before >= 59  # it does look every second
        assert 0 < len(asked) <= MOST_STATEMENTS
        group.cancel_scope.cancel()
