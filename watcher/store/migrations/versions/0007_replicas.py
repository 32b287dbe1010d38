"""The replicas on one database, what each of them holds, and rates of endpoints that hold over all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "replicas",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.UniqueConstraint("name", name="uq_replicas_name"),
    )
    op.add_column("watches", sa.Column("holder", sa.BigInteger()))
    op.add_column("deliveries", sa.Column("holder", sa.BigInteger()))
    op.add_column("endpoints", sa.Column("next_slot_at", sa.BigInteger()))
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_deliveries_held", "deliveries", ["endpoint", "holder"], postgresql_where=sa.text("state = 'delivering'")
        )
