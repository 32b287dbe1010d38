"""The tables of the audit trail, of open amounts and of the amounts of all invoices; `tables.py` has all others."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, SmallInteger, Table

from watcher.store.column_types import Day, Instant, Tags, Words
from watcher.store.schema import (
    ERROR_LIMIT,
    LISTED,
    LONG_AMOUNT,
    NAMED,
    SQLITE_ALONE,
    STILL_DUE,
    WAS_PAID,
    WATCHED,
    Key,
    metadata,
    partial_index,
)

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

_KIND = ("direction", "currency", "minor")

invoice_amounts = Table(
    "invoice_amounts",
    metadata,
    Column("watch_id", Key, ForeignKey("watches.id"), primary_key=True),
    Column("currency", Words(), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("watched", Boolean, nullable=False),
    Column("place", SmallInteger, nullable=False),
    Column("source", Words(), nullable=False),
    Column("customer_id", Words(), nullable=False),
    Column("customer_name", Words()),
    Column("direction", Words(), nullable=False),
    Column("minor", Boolean, nullable=False),
    Column("status", Words(), nullable=False),
    Column("is_due", Boolean, nullable=False),
    Column("due", Words(), nullable=False),
    Column("due_decimals", SmallInteger, nullable=False),
    Column("due_units", BigInteger),
    Column("due_rank", Words(), nullable=False),
    Column("paid", Words(), nullable=False),
    Column("paid_decimals", SmallInteger, nullable=False),
    Column("paid_units", BigInteger),
    Column("due_on", Day),
    Column("due_at", Instant),
    Column("issued_day", Integer),
    Column("began_on", Day),
    Column("changed_at", Instant, nullable=False),
    Column("paid_at", Instant),
    partial_index("ix_invoice_amounts_due_on", "due_on", "watch_id", where=LISTED),
    partial_index("ix_invoice_amounts_began_on", "began_on", "watch_id", where=LISTED),
    partial_index("ix_invoice_amounts_changed", "changed_at", "watch_id", where=LISTED),
    partial_index("ix_invoice_amounts_rank", "currency", "minor", "due_rank", "watch_id", "place", where=WATCHED),
    partial_index(
        "ix_invoice_amounts_customer",
        *("customer_id", "source", *_KIND, "status", "paid_decimals", "paid_units", "customer_name", "watch_id"),
        where=WATCHED,
    ),
    partial_index("ix_invoice_amounts_name", "customer_name", "watch_id", where=NAMED),
    partial_index(
        "ix_invoice_amounts_forecast",
        *("source", *_KIND, "due_decimals", "due_on", "due_at", "due_units"),
        where=STILL_DUE,
    ),
    partial_index(
        "ix_invoice_amounts_paid",
        *("source", "paid_at", *_KIND, "paid_decimals", "issued_day", "paid_units"),
        where=WAS_PAID,
    ),
)
"""What lists of invoices are sorted by, and what customers, forecast and days sales outstanding are added up from: one
row per invoice and currency, as of the snapshot with this `version`; one with an empty `currency` without amounts.

`place` is 0 for the first currency of an invoice. `is_due`: open or partially paid, with something due in it.
`due_rank` are the digits of `due`, ordered as numbers (`invoice_amounts.rank`). `issued_day` is the issue date, in days
since 1970. `began_on` is the same date, or the UTC day since which the provider has the invoice. Rows are written only
when a snapshot is: a poll that finds nothing new costs nothing here.
"""
