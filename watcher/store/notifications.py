"""Wakes other processes on the same PostgreSQL database at the commit of a transaction (NOTIFY).

A notification is a hint and may be lost: whoever listens also claims every second.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL = "invoice_watcher"
_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class Notice(StrEnum):
    """What may be due now. The text of a notification is one of these and the key of the replica that it comes from."""

    POLLS = "polls"
    DELIVERIES = "deliveries"


async def notify(connection: AsyncConnection, notice: Notice) -> None:
    """Send a notification if the transaction commits; PostgreSQL makes one of several equal ones."""
    if connection.dialect.name == "postgresql":
        options = connection.sync_connection.get_execution_options() if connection.sync_connection else _NO_OPTIONS
        await connection.execute(_NOTIFY, {"payload": f"{notice} {options.get('replica') or 0}"})


def read_notice(payload: str, replica: int | None) -> Notice | None:
    """The notice of another process; None for our own and for what a newer version may send."""
    word, _, sender = payload.partition(" ")
    if sender == str(replica):
        return None
    return next((notice for notice in Notice if notice == word), None)


_NOTIFY = select(func.pg_notify(CHANNEL, bindparam("payload")))
