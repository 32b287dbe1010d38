"""What the loops send for every poll and every delivery names one source, one endpoint, or rows by their keys: what a
database on several machines needs, to send a statement to one of them (`docs/performance.md`).
"""

import re
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from tests.fakes.delivering import ENDPOINT
from tests.fakes.invoices import euros, invoice
from tests.fakes.poller import Scene
from tests.fakes.polling import EVERY, found
from tests.fakes.sender import FakeSender
from tests.fakes.statements import statements
from tests.fakes.stored import endpoints
from watcher.core.invoices.invoice import Status
from watcher.delivery import Dispatcher
from watcher.ports import Outcome
from watcher.store import Store, open_store

IDS = ("inv_1", "inv_2")
NAMES_ONE = re.compile(
    r"\b(watches\.source|sources\.name|deliveries\.endpoint|endpoints\.name) = \$"
    r"|\b(watches\.id|deliveries\.id|deliveries\.watch_id|attempts\.delivery_id|(open|invoice)_amounts\.watch_id)"
    r" (=|IN) (\$|\(\$|CAST)"
)
"""In the conditions. The keys are those of rows that were leased for one source or one endpoint."""
OWNED = {"source", "endpoint", "watch_id", "delivery_id"}
"""Columns that say where an inserted row belongs."""
EXCEPTIONS = {
    "FROM sources WHERE sources.configured": "the circuits of all accounts; one row each, read once a second",
    "FROM sources WHERE sources.name IN": "which accounts may be asked; the due watches of each by a query of its own",
    "FROM counters WHERE": "the lock of the cursor, which orders the events of all sources",
    "UPDATE counters SET": "the cursor itself",
    "FROM events WHERE events.id IN": "an event's id is a hash, and unique over all sources",
    "INSERT INTO hazards": "what polls teach is kept by provider, for all its accounts",
    "SELECT pg_notify": "wakes all replicas",
    "FROM endpoints WHERE endpoints.name IN": "which endpoints may be sent to, and their health; one row each",
    "FROM deliveries WHERE state = 'delivering' AND deliveries.endpoint IN": "what is under way, counted by endpoint",
    "JOIN LATERAL": "leases for several endpoints, for each by a query of its own",
}


@pytest.fixture
async def postgres_store(postgres_url: str) -> AsyncGenerator[Store]:
    async with open_store(postgres_url, database_clock=False) as opened:
        yield opened


async def test_every_statement_of_a_loop_names_one_source_or_one_endpoint(postgres_store: Store) -> None:
    sent = await _sent_for_a_poll_and_a_delivery(postgres_store)
    assert len(sent) > 30
    assert [one for one in sent if not _names_one(one) and _exception(one) is None] == []
    assert {_exception(one) for one in sent if not _names_one(one)} == EXCEPTIONS.keys(), "one of them is not needed"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE watches SET lease=1 WHERE watches.due_at <= $1",
        "SELECT deliveries.id, deliveries.endpoint = $1 FROM deliveries WHERE deliveries.due_at <= $2",
        "SELECT watches.id FROM watches WHERE watches.source IN ($1)",
        "INSERT INTO totals (day, polls) VALUES ($1, $2)",
        "DELETE FROM attempts",
    ],
)
def test_a_statement_about_all_sources_would_be_found(statement: str) -> None:
    assert not _names_one(statement)
    assert _exception(statement) is None


async def _sent_for_a_poll_and_a_delivery(store: Store) -> list[str]:
    """By the real loops: two polls, of which one finds a change, and the delivery of its event."""
    scene = Scene(store)
    await scene.watch(*IDS)
    outbox = await endpoints(store, "ledger")
    scene.provider.results = {name: found(replace(invoice(due=None), id=name)) for name in IDS}
    await scene.run_once()
    scene.clock.advance(EVERY)
    paid = replace(invoice(Status.PAID, euros(paid="100.00"), due=None), id="inv_1")
    scene.provider.results = {**scene.provider.results, "inv_1": found(paid, b"two")}
    dispatcher = Dispatcher(outbox, FakeSender(scene.clock), scene.clock, lambda: 0.0)
    dispatcher.configure({"ledger": ENDPOINT})
    async with statements(store) as sent:
        await scene.run_once()
        assert await dispatcher.run_once() == {Outcome.DELIVERED: 1}
        assert await outbox.next_attempt_at(["ledger"]) is None
    assert await scene.recorded() == ["invoice.paid"]
    return [re.sub(r"\s+", " ", statement) for statement, _ in sent]


def _names_one(statement: str) -> bool:
    if columns := re.match(r"INSERT INTO \w+ \(([^)]*)\)", statement):
        return not OWNED.isdisjoint(columns[1].split(", "))
    return NAMES_ONE.search(statement.partition(" WHERE ")[2]) is not None


def _exception(statement: str) -> str | None:
    return next((part for part in EXCEPTIONS if part in statement), None)
