"""Checks what the rest of the program relies on, with as much memory for a million events as for a thousand."""

from collections.abc import AsyncIterator, Callable, Mapping

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.store.maintenance.invariants import amounts_of_all, history, invoices, order, queue
from watcher.store.maintenance.invariants.problem import Found, Problem
from watcher.store.maintenance.invariants.ranges import ranges
from watcher.store.record_tables import invoice_amounts, open_amounts
from watcher.store.tables import documents, snapshots, watches

_OF_WATCHES = (snapshots, documents, open_amounts, invoice_amounts)
_WATCHES = 2_000


async def references(connection: AsyncConnection) -> AsyncIterator[Problem]:
    """What is kept of invoices is kept of watches that exist; the other rules look at their own tables."""
    for table in _OF_WATCHES:
        lost = (
            select(table.c.watch_id)
            .distinct()
            .outerjoin(watches, watches.c.id == table.c.watch_id)
            .where(table.c.watch_id > bindparam("after"), table.c.watch_id <= bindparam("until"))
            .where(watches.c.id.is_(None))
        )
        async for span in ranges(connection, table.c.watch_id, _WATCHES):
            for watch_id in (await connection.execute(lost, span)).scalars():
                yield Problem(f"{table.name} has rows of the watch {watch_id}, which does not exist")


Rule = Callable[[AsyncConnection], AsyncIterator[Problem]]

RULES: Mapping[str, Rule] = {
    "references": references,
    "cursors": order.cursors,
    "sequences": order.sequences,
    "types": order.kinds,
    "snapshots": history.snapshots_in_order,
    "invoices": invoices.newest,
    "open amounts": invoices.amounts,
    "lists": amounts_of_all.listed,
    "deliveries": queue.belonging,
    "turns": queue.turns,
}


async def broken_invariants(connection: AsyncConnection) -> Found:
    found = Found()
    for kind, rule in RULES.items():
        async for problem in rule(connection):
            found.add(kind, problem)
    return found
