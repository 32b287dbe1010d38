"""Who changed what, and what is due to or from whom, one row per invoice and currency."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

EXPANDS = True

WATCHED = sa.text("watched")
LONG = sa.text("watched AND units IS NULL")


KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
    )
    op.create_index("ix_audit_at", "audit", ["at", "id"])
    create_open_amounts()
    index_open_amounts()
    # Without invoices there is nothing to fill the table with.
    op.execute(
        "INSERT INTO counters (name, value) SELECT 'open_amounts_filled', 1 WHERE NOT EXISTS (SELECT 1 FROM watches)"
    )


def create_open_amounts() -> None:
    op.create_table(
        "open_amounts",
        sa.Column("watch_id", KEY, sa.ForeignKey("watches.id"), primary_key=True),
        sa.Column("currency", sa.Text(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("watched", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text()),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("minor", sa.Boolean(), nullable=False),
        sa.Column("due", sa.Text(), nullable=False),
        sa.Column("decimals", sa.SmallInteger(), nullable=False),
        sa.Column("units", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("tags", sa.Text(), nullable=False),
    )


def index_open_amounts() -> None:
    money = ["direction", "currency", "minor", "decimals", "due_at", "units"]
    for name, columns in (("source", ["source"]), ("customer", ["source", "customer_id"])):
        op.create_index(
            f"ix_open_amounts_{name}",
            "open_amounts",
            [*columns, *money],
            sqlite_where=WATCHED,
            postgresql_where=WATCHED,
        )
    if op.get_context().dialect.name == "sqlite":
        op.create_index("ix_open_amounts_tags", "open_amounts", ["source", "tags", *money], sqlite_where=WATCHED)
    op.create_index(
        "ix_open_amounts_long", "open_amounts", ["source", "customer_id"], sqlite_where=LONG, postgresql_where=LONG
    )
