"""The amounts of every invoice as rows, so that lists can be sorted and reports added up without reading documents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Delete, bindparam, delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices.invoice import COLLECTABLE, Amounts, Snapshot
from watcher.core.money import text
from watcher.store.column_types import EPOCH
from watcher.store.execute_many import execute_many
from watcher.store.open_amounts import decimals_of, units_of
from watcher.store.record_tables import invoice_amounts

FILLED = "invoice_amounts_filled"
"""The counter that says that there was a row for every invoice that was seen."""

KEPT_SINCE = "0012"
"""The revision that programs have to know that keep the table."""

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class SeenInvoice:
    """The newest snapshot of a watch, its number, and when it was seen first."""

    key: int
    version: int
    snapshot: Snapshot
    changed_at: datetime
    is_watched: bool = True


async def keep_invoice_amounts(connection: AsyncConnection, seen: Sequence[SeenInvoice]) -> None:
    """Make the rows of these watches those of their newest snapshots."""
    await forget_invoice_amounts(connection, [one.key for one in seen])
    await execute_many(connection, _INSERT, [row for one in seen for row in rows_of(one)])


async def forget_invoice_amounts(connection: AsyncConnection, keys: Sequence[int]) -> None:
    for start in range(0, len(keys), _CHUNK):
        await connection.execute(_FORGET, {"keys": keys[start : start + _CHUNK]})


def rank(amount: Decimal) -> str:
    """Digits that sort as text, under any collation, as amounts from 0 sort as numbers.

    Two digits say how many stand before the point; zeros at the end count for nothing.
    """
    whole, _, fraction = text(amount).partition(".")
    return f"{len(whole):02d}{whole}{fraction.rstrip('0')}"


def rows_of(seen: SeenInvoice) -> Iterator[dict[str, Any]]:
    snapshot = seen.snapshot
    common: dict[str, Any] = {
        "watch_id": seen.key,
        "version": seen.version,
        "watched": seen.is_watched,
        "source": snapshot.source,
        "customer_id": snapshot.customer.id or "",
        "customer_name": snapshot.customer.name,
        "direction": snapshot.direction.value,
        "status": snapshot.status.value,
        "due_on": snapshot.due_on,
        "due_at": snapshot.due_at,
        "issued_day": None if snapshot.issued_on is None else (snapshot.issued_on - EPOCH.date()).days,
        "began_on": _began_on(snapshot),
        "changed_at": seen.changed_at,
        "paid_at": snapshot.paid_at,
    }
    for place, amounts in enumerate(snapshot.amounts or (_NONE,)):
        yield common | {"place": place} | _money(snapshot, amounts)


def _money(snapshot: Snapshot, amounts: Amounts) -> dict[str, Any]:
    return {
        "currency": amounts.currency,
        "minor": amounts.minor,
        "is_due": snapshot.status in COLLECTABLE and amounts.due > 0,
        "due": text(amounts.due),
        "due_decimals": decimals_of(amounts.due),
        "due_units": units_of(amounts.due),
        "due_rank": rank(amounts.due),
        "paid": text(amounts.paid),
        "paid_decimals": decimals_of(amounts.paid),
        "paid_units": units_of(amounts.paid),
    }


def _began_on(snapshot: Snapshot) -> date | None:
    known = snapshot.finalized_at or snapshot.created_at
    return snapshot.issued_on or (None if known is None else known.astimezone(UTC).date())


_ZERO = Decimal(0)
_NONE = Amounts("", _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO)
"""Stands for the amounts of an invoice without any."""
_INSERT = insert(invoice_amounts)
_FORGET: Delete = delete(invoice_amounts).where(invoice_amounts.c.watch_id.in_(bindparam("keys", expanding=True)))
