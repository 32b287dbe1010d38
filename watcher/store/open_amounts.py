"""What is still to be paid, kept one row per open invoice and currency, so that a report need not read documents."""

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import Any

from sqlalchemy import Delete, bindparam, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices.invoice import COLLECTABLE, Amounts, Snapshot
from watcher.core.money import text
from watcher.store.record_tables import invoice_amounts, open_amounts

FILLED = "open_amounts_filled"
"""The counter that says that there was a row for every open invoice."""

KEPT_SINCE = "0011"
"""The revision that programs have to know that keep the table."""

_EXACT = Context(prec=100)
_CHUNK = 1000
_MOST_DIGITS = 12
"""Whole units of up to so many digits fit in 64 bits even as a sum of millions."""


async def keep_open_amounts(
    connection: AsyncConnection, seen: Sequence[tuple[int, int, Snapshot]], *, unwatched: Iterable[int] = ()
) -> None:
    """Make the rows of these watches those of their newest snapshots: key, version and snapshot of each.

    `unwatched` are the keys of those that are stopped.
    """
    await forget_open_amounts(connection, [key for key, _, _ in seen])
    stopped = frozenset(unwatched)
    rows = [
        row for key, version, snapshot in seen for row in rows_of(key, version, snapshot, watched=key not in stopped)
    ]
    if rows:
        await connection.execute(insert(open_amounts), rows)


def rows_of(key: int, version: int, snapshot: Snapshot, *, watched: bool) -> list[dict[str, Any]]:
    """The rows that a watch has while this is its newest snapshot."""
    if snapshot.status not in COLLECTABLE:
        return []
    return [_row(key, version, snapshot, amounts, watched=watched) for amounts in snapshot.amounts if amounts.due > 0]


async def forget_open_amounts(connection: AsyncConnection, keys: Sequence[int]) -> None:
    for start in range(0, len(keys), _CHUNK):
        await connection.execute(_FORGET, {"keys": keys[start : start + _CHUNK]})


async def set_watched(connection: AsyncConnection, keys: Sequence[int], *, watched: bool) -> None:
    """These watches stop, or start again: in both tables of amounts."""
    for start in range(0, len(keys), _CHUNK):
        for table in (open_amounts, invoice_amounts):
            chosen = table.c.watch_id.in_(keys[start : start + _CHUNK])
            await connection.execute(update(table).where(chosen).values(watched=watched))


def units_of(amount: Decimal) -> int | None:
    """The amount as a whole number of units of its last decimal; None if that is too long to be added up as such."""
    units = int(amount.scaleb(decimals_of(amount), _EXACT))
    return units if units < 10**_MOST_DIGITS else None


def decimals_of(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _row(key: int, version: int, snapshot: Snapshot, amounts: Amounts, *, watched: bool) -> dict[str, Any]:
    return {
        "watch_id": key,
        "currency": amounts.currency,
        "version": version,
        "watched": watched,
        "source": snapshot.source,
        "customer_id": snapshot.customer.id or "",
        "customer_name": snapshot.customer.name,
        "direction": snapshot.direction.value,
        "minor": amounts.minor,
        "due": text(amounts.due),
        "decimals": decimals_of(amounts.due),
        "units": units_of(amounts.due),
        "due_at": snapshot.due_at,
        "tags": snapshot.tags,
    }


_FORGET: Delete = delete(open_amounts).where(open_amounts.c.watch_id.in_(bindparam("keys", expanding=True)))
