"""What the tables are made of, and the conditions of their partial indexes."""

from sqlalchemy import BigInteger, Index, Integer, MetaData, TextClause, text

metadata = MetaData()

Key = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only if the type is exactly INTEGER."""

NAME_LIMIT = 64
ERROR_LIMIT = 500
DELIVERY_PREFIX = "dlv_"
RESPONSE_LIMIT = 4096
EVENTS_GONE = "events_gone"
"""The counter with the highest cursor of an event that is not kept any more."""

SQLITE_ALONE = {"dialect": "sqlite"}
"""For an index with tags: PostgreSQL refuses an entry as long as they may be (over 2704 bytes)."""

POSTGRESQL_ALONE = {"dialect": "postgresql"}
"""For what only several replicas need."""


OPEN = text("status IN ('draft', 'open', 'partially_paid', 'unknown') AND origins <> ''")
"""Watched, polled, and not settled."""

ASKED = text("poll_reason IS NOT NULL AND due_at IS NOT NULL")
"""Polled before its turn."""

WATCHED = text("watched")

LONG_AMOUNT = text("watched AND units IS NULL")

LISTED = text("watched AND place = 0")
"""One row for each invoice of a list, whatever its currencies."""

NAMED = text("watched AND customer_name IS NOT NULL")

STILL_DUE = text("watched AND is_due")

WAS_PAID = text("watched AND status = 'paid'")

TROUBLED = text("state <> 'active'")

WAITING = text("state IN ('pending', 'delivering', 'parked')")

ATTEMPTING = text("state = 'delivering'")

RETRYING = text("state = 'pending' AND tried")
"""What is sent again after a failed attempt."""


def partial_index(name: str, *columns: str, where: TextClause, info: dict[str, str] | None = None) -> Index:
    """`where` is literal text, because a partial index serves only queries that repeat its words."""
    return Index(name, *columns, sqlite_where=where, postgresql_where=where, info=info)
