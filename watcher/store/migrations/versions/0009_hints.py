"""Why a watch is polled before its turn, how each change was found, and what hints have brought."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

EXPANDS = True

ASKED = sa.text("poll_reason IS NOT NULL AND due_at IS NOT NULL")
DELAYED = sa.text("delay_us IS NOT NULL")


def upgrade() -> None:
    op.add_column("watches", sa.Column("poll_reason", sa.Text()))
    asked = ["source", "due_at", "id"]
    op.create_index("ix_watches_asked", "watches", asked, sqlite_where=ASKED, postgresql_where=ASKED)
    op.add_column("events", sa.Column("found_by", sa.Text()))
    op.drop_index("ix_events_delayed", "events")
    delayed = ["source", "timestamp", "found_by", "delay_us"]
    op.create_index("ix_events_delayed", "events", delayed, sqlite_where=DELAYED, postgresql_where=DELAYED)
    op.add_column("sources", sa.Column("takes_hints", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("sources", sa.Column("hinted_at", sa.BigInteger()))
    op.add_column("sources", sa.Column("discovery_slot_at", sa.BigInteger()))
    op.create_table(
        "hint_stats",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("event_type", sa.Text(), primary_key=True),
        sa.Column("hinted", sa.BigInteger(), nullable=False),
        sa.Column("others", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.Column("outages", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "hint_counts",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("outcome", sa.Text(), primary_key=True),
        sa.Column("hints", sa.BigInteger(), nullable=False),
    )
