"""A service with a notification: what it stores and shows of it."""

from pathlib import Path

from tests.integration.daemon.test_service import CONFIG, service_on
from watcher.config.reload import reader
from watcher.daemon.http_server import backend
from watcher.providers import PROVIDERS
from watcher.store import Reports, Store

NOTIFY = """
[notify.finance]
urls = [{ env = "MAIL" }, { env = "CHAT" }]
digest = "1d"

[notify.desk]
urls = [{ env = "CHAT" }]
"""
ENVIRONMENT = {
    "KEY": "k-123",
    "MAIL": "mailtos://watcher:hunter22@mail.example.com?to=finance@example.com",
    "CHAT": "slack://TAAAAAAAA/BBBBBBBBB/cccccccccccccccccccccccc/#money",
}


async def test_notifications_are_endpoints_whose_urls_are_secret(tmp_path: Path, sqlite_store: Store) -> None:
    (tmp_path / "watcher.toml").write_text(CONFIG + NOTIFY)
    (tmp_path / "list.csv").write_text("source,invoice_id\n")
    read = reader(tmp_path / "watcher.toml", PROVIDERS, ENVIRONMENT)

    async with service_on(tmp_path, sqlite_store, read) as service:
        rows = {str(row["name"]): row for row in await Reports(sqlite_store).endpoints()}
        assert rows == {
            "desk": {"name": "desk", "url": "slack", "state": "active", "waiting": 0},
            "finance": {"name": "finance", "url": "mailtos, slack", "state": "active", "waiting": 0},
        }
        metrics = (await backend(service, "127.0.0.1").metrics()).decode()
        assert 'invoice_watcher_endpoint_up{endpoint="finance"} 1.0' in metrics
        (tmp_path / "watcher.toml").write_text(CONFIG)
        await service.reload(forced=True)
        assert await Reports(sqlite_store).endpoints() == []
