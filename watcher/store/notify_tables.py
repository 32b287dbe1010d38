"""The table of notifications; `tables.py` has that of their deliveries."""

from sqlalchemy import Column, Index, Table

from watcher.store.column_types import Instant, Words
from watcher.store.schema import metadata

reached = Table(
    "reached",
    metadata,
    Column("endpoint", Words(), primary_key=True),
    Column("event_id", Words(), primary_key=True),
    Column("mark", Words(), primary_key=True),
    Column("at", Instant, nullable=False),
    Index("ix_reached_at", "at"),
)
"""Rows exist only while some services of a notification have an event and others do not (`ports.Reached`)."""
