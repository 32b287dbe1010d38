"""Rounds through the lists of a source, and which watches they found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("sweep_at", "discover_at", "changes_at"):
        op.add_column("sources", sa.Column(name, sa.BigInteger()))
    op.add_column("watches", sa.Column("discovered", sa.Text()))
