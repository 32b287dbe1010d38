"""The tables of what polls have taught; `tables.py` has all others."""

from sqlalchemy import BigInteger, Column, Table

from watcher.store.column_types import Words
from watcher.store.schema import NAME_LIMIT, metadata

hazards = Table(
    "hazards",
    metadata,
    Column("provider", Words(), primary_key=True),
    Column("status", Words(), primary_key=True),
    Column("stage", Words(), primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("exposure_ms", BigInteger, nullable=False),
)
"""What polls of open invoices have taught: changes found and milliseconds spent, by stage (`hazard.STAGES`)."""

hint_stats = Table(
    "hint_stats",
    metadata,
    Column("source", Words(), primary_key=True),
    Column("event_type", Words(NAME_LIMIT), primary_key=True),
    Column("hinted", BigInteger, nullable=False),
    Column("others", BigInteger, nullable=False),
    Column("missed", BigInteger, nullable=False),
    Column("outages", BigInteger, nullable=False),
)
"""Changes of sources that take hints, by event type (`core.scheduling.hint_state.HintTally`)."""

hint_counts = Table(
    "hint_counts",
    metadata,
    Column("source", Words(), primary_key=True),
    Column("outcome", Words(NAME_LIMIT), primary_key=True),
    Column("hints", BigInteger, nullable=False),
)
"""Hints that came, by what became of them (`ports.HintOutcome`); counted once a minute."""
