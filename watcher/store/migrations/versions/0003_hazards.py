"""What the adaptive policy uses: hazards, each invoice's hazard group, the shares of accounts, delays."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPEN = sa.text("status IN ('draft', 'open', 'partially_paid', 'unknown') AND origins <> ''")
DELAYED = sa.text("delay_us IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "hazards",
        sa.Column("provider", sa.Text(), primary_key=True),
        sa.Column("status", sa.Text(), primary_key=True),
        sa.Column("stage", sa.Text(), primary_key=True),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("exposure_ms", sa.BigInteger(), nullable=False),
    )
    op.add_column("sources", sa.Column("share", sa.Integer(), nullable=False, server_default=sa.text("1000")))
    op.add_column("sources", sa.Column("shrunk_at", sa.BigInteger()))
    op.add_column("watches", sa.Column("due_hour", sa.Integer()))
    op.add_column("watches", sa.Column("currency", sa.Text()))
    op.add_column("watches", sa.Column("worth", sa.SmallInteger()))
    op.add_column("events", sa.Column("delay_us", sa.BigInteger()))
    op.create_index(
        "ix_watches_open",
        "watches",
        ["source", "status", "due_hour", "currency", "worth", "origins"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_events_delayed",
        "events",
        ["source", "timestamp", "delay_us"],
        sqlite_where=DELAYED,
        postgresql_where=DELAYED,
    )
    # The next poll compares again even if the document is the same, and so learns the invoice's hazard group.
    op.execute("UPDATE watches SET fingerprint = NULL WHERE settled_at IS NULL")
