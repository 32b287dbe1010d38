"""The format of endpoints, and which services of a notification have a message that others have not got yet."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

EXPANDS = True


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("cloud_events", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "reached",
        sa.Column("endpoint", sa.Text(), primary_key=True),
        sa.Column("event_id", sa.Text(), primary_key=True),
        sa.Column("mark", sa.Text(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_reached_at", "reached", ["at"])
