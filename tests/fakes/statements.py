"""Listening to what a store says to its database."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import event as sql_events

from watcher.store import Store

Statement = tuple[str, Any]


@asynccontextmanager
async def statements(store: Store) -> AsyncGenerator[list[Statement]]:
    """Everything the store says to its database meanwhile."""
    executed: list[Statement] = []

    def note(*executed_with: object) -> None:
        _, _, statement, parameters, _, many = cast("tuple[Any, ...]", executed_with)
        executed.append((statement, parameters[0] if many else parameters))

    sql_events.listen(store.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield executed
    finally:
        sql_events.remove(store.engine.sync_engine, "before_cursor_execute", note)
