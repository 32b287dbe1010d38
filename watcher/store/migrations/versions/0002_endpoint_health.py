"""The health of endpoints, and deliveries that were superseded during an attempt."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ZERO = sa.text("0")
RETRYING = sa.text("state = 'pending' AND tried")


def upgrade() -> None:
    for column in (
        sa.Column("hears", sa.Text(), nullable=False, server_default=sa.text("'[]'")),
        sa.Column("disabled_reason", sa.Text()),
        sa.Column("failures", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("failed_lane", sa.BigInteger()),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("failed_at", sa.BigInteger()),
        sa.Column("probe_at", sa.BigInteger()),
        sa.Column("probes", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("told_since", sa.BigInteger()),
    ):
        op.add_column("endpoints", column)
    op.add_column("deliveries", sa.Column("overtaken", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_deliveries_retrying",
        "deliveries",
        ["endpoint", "next_attempt_at"],
        sqlite_where=RETRYING,
        postgresql_where=RETRYING,
    )
