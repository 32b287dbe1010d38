"""The tables of the audit trail and of open amounts; `tables.py` has all others."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, SmallInteger, Table

from watcher.store.column_types import Instant, Tags, Words
from watcher.store.schema import ERROR_LIMIT, LONG_AMOUNT, SQLITE_ALONE, WATCHED, Key, metadata, partial_index

audit = Table(
    "audit",
    metadata,
    Column("id", Key, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Words(ERROR_LIMIT), nullable=False),
    Column("action", Words(), nullable=False),
    Column("target", Words(ERROR_LIMIT), nullable=False),
    Column("outcome", Words(ERROR_LIMIT), nullable=False),
    Index("ix_audit_at", "at", "id"),
)
"""What was changed by API, page or command line, and what was refused. `outcome` begins with a word: `done`, `refused`,
`failed`, or `begun` for what takes several transactions and has not ended.
"""

_MONEY = ("direction", "currency", "minor", "decimals", "due_at", "units")

open_amounts = Table(
    "open_amounts",
    metadata,
    Column("watch_id", Key, ForeignKey("watches.id"), primary_key=True),
    Column("currency", Words(), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("watched", Boolean, nullable=False),
    Column("source", Words(), nullable=False),
    Column("customer_id", Words(), nullable=False),
    Column("customer_name", Words()),
    Column("direction", Words(), nullable=False),
    Column("minor", Boolean, nullable=False),
    Column("due", Words(), nullable=False),
    Column("decimals", SmallInteger, nullable=False),
    Column("units", BigInteger),
    Column("due_at", Instant),
    Column("tags", Tags, nullable=False),
    partial_index("ix_open_amounts_source", "source", *_MONEY, where=WATCHED),
    partial_index("ix_open_amounts_customer", "source", "customer_id", *_MONEY, where=WATCHED),
    partial_index("ix_open_amounts_tags", "source", "tags", *_MONEY, where=WATCHED, info=SQLITE_ALONE),
    partial_index("ix_open_amounts_long", "source", "customer_id", where=LONG_AMOUNT),
)
"""What is still to be paid, one row per open invoice and currency, as of the snapshot with this `version`. Without a
customer, `customer_id` is empty. `units` is `due` as a whole number of units of `decimals` decimals, which both
databases add exactly; null if it is too long for that. The first three indexes have all that an aging report adds up,
in the order in which it groups: without sorting, that takes a sixth of the time.
"""
