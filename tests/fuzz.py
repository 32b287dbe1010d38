"""`make fuzz`: schemathesis against the API, on a database that a real daemon has filled with invoices and deliveries.

Argument: the schemathesis program. Its answer is ours.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.acceptance.daemon import Site, until
from tests.integration.web.client import TOKEN
from tests.integration.web.conftest import served
from watcher.sandbox import Receiver, Sandbox
from watcher.store import open_store

_EXAMPLES = 50
_SECONDS = 20


async def fill(folder: Path) -> Path:
    """The database of a daemon that has seen three invoices and their payments, and sent them."""
    async with Sandbox() as sandbox, Receiver() as receiver:
        site = Site(folder, sandbox, receiver)
        site.endpoint()
        site.source("meteroid", name="acme")
        bills = [sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1000) for number in range(3)]
        site.watch("acme", *(bill.id for bill in bills))
        async with site.running():
            await until(lambda: len(receiver.deliveries) == len(bills), "all are tracked")
            for bill in bills:
                sandbox.ledger.pay(bill)
            await until(lambda: len(receiver.deliveries) == 2 * len(bills), "all are paid")
    return folder / "invoice-watcher.db"


async def fuzz(program: str, folder: Path) -> int:
    """The feed is closed, so that nobody waits for events that never come."""
    (folder / "api").mkdir()
    database = shutil.copy(await fill(folder), folder / "api" / "watcher.db")
    async with (
        open_store(f"sqlite:///{database}") as store,
        served(folder / "api", store, token=True) as client,
    ):
        client.service.feed.close()
        process = await asyncio.create_subprocess_exec(
            program,
            *("run", f"{client.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *("--max-examples", str(_EXAMPLES)),
            *("--request-timeout", str(_SECONDS)),
            cwd=folder,
        )
        return await process.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        sys.exit(asyncio.run(fuzz(str(Path(sys.argv[1]).absolute()), Path(made))))
