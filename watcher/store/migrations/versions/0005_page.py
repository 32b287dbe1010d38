"""Indexes for the filters of invoices, watches and events, and an invoice's number."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TROUBLED = sa.text("state <> 'active'")
_NUMBERS = {
    "sqlite": "json_extract(document, '$.number')",
    "postgresql": "CAST(document AS jsonb) ->> 'number'",
}


def upgrade() -> None:
    op.add_column("watches", sa.Column("number", sa.Text()))
    number = _NUMBERS[op.get_bind().dialect.name]
    op.execute(
        f"UPDATE watches SET number = (SELECT {number} FROM snapshots"  # noqa: S608 -- fixed words
        " WHERE watch_id = watches.id AND snapshots.version = watches.version)"
    )
    troubled = ["state", "source", "invoice_id"]
    op.create_index("ix_watches_troubled", "watches", troubled, sqlite_where=TROUBLED, postgresql_where=TROUBLED)
    # Tags may make an entry longer than PostgreSQL allows (2704 bytes); it scans its rows in parallel instead.
    if op.get_bind().dialect.name == "sqlite":
        browse = ["source", "invoice_id", "status", "overdue", "origins", "tags", "number"]
        op.create_index("ix_watches_browse", "watches", browse)
        op.create_index("ix_events_browse", "events", ["cursor", "timestamp", "type", "source", "tags"])
