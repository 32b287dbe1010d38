"""Pages of a service with invoices: read as a browser does, and each held to the content policy."""

import re
from dataclasses import replace

from tests.fakes import stored
from tests.fakes.stored import NOW, event
from tests.integration.web.client import Answered, Client
from tests.integration.web.reading import Page, read
from watcher.core.invoices import history_state
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.invoice import Snapshot
from watcher.store import SqlPollQueue, SqlWatches
from watcher.web.page.routes import VIEWS

PATHS = (*(path for path in VIEWS if "{" not in path), "/invoices?sort=amount_due&order=desc")


async def shown(client: Client, path: str, *, status: int = 200, **headers: str) -> Page:
    answer = await client.ask("GET", path, headers=headers)
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"].startswith("text/html")
    check_policy(answer)
    return read(answer.text, path)


def check_policy(answer: Answered) -> None:
    """Nothing inline, nothing from elsewhere, and a policy that would stop it if there were."""
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "*" not in policy
    page = read(answer.text)
    assert all(one.get("src", "").startswith("/static/") for one in page.all("script"))
    assert page.all("style") == []
    for element, attributes in page.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], (element, attributes)
        for name in ("src", "href", "action"):
            assert re.match(r"$|[/#]", attributes.get(name, "")), (element, attributes)


async def seen(client: Client, *snapshots: Snapshot, endpoint: str | None = "ledger") -> None:
    """Watched at acme, and polled once."""
    store = client.service.store
    watches = SqlWatches(store)
    await watches.import_entries([stored.DesiredWatch("acme", one.id, one.tags) for one in snapshots], "cli", NOW)
    claimed = {one.invoice_id: one for one in await stored.claim(store)}
    records = [
        stored.polled(
            claimed[one.id],
            change=replace(
                stored.change(event(f"evt_{one.id}", "invoice.paid", *((endpoint,) if endpoint else ())), snapshot=one),
                memory=history_state.dumps(HistoryState(one)),
            ),
        )
        for one in snapshots
    ]
    await SqlPollQueue(store).record(records, {"acme": NOW})
