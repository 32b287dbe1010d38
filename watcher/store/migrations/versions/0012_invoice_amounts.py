"""What lists of invoices are sorted by, one row per invoice and currency; filled after the upgrade, in small steps."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

EXPANDS = True

WATCHED = "watched"
LISTED = "watched AND place = 0"
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

KIND = ["direction", "currency", "minor"]
PAID = ["paid_decimals", "paid_units"]

INDEXES = {
    "due_on": (["due_on", "watch_id"], LISTED),
    "began_on": (["began_on", "watch_id"], LISTED),
    "changed": (["changed_at", "watch_id"], LISTED),
    "rank": (["currency", "minor", "due_rank", "watch_id", "place"], WATCHED),
    "customer": (
        ["customer_id", "source", *KIND, "status", *PAID, "customer_name", "watch_id"],
        WATCHED,
    ),
    "name": (["customer_name", "watch_id"], "watched AND customer_name IS NOT NULL"),
    "forecast": (
        ["source", *KIND, "due_decimals", "due_on", "due_at", "due_units"],
        "watched AND is_due",
    ),
    "paid": (
        ["source", "paid_at", *KIND, "paid_decimals", "issued_day", "paid_units"],
        "watched AND status = 'paid'",
    ),
}


def upgrade() -> None:
    op.create_table(
        "invoice_amounts",
        sa.Column("watch_id", KEY, sa.ForeignKey("watches.id"), primary_key=True),
        sa.Column("currency", sa.Text(), primary_key=True),
        *(sa.Column(name, kind, nullable=False) for name, kind in _GIVEN.items()),
        *(sa.Column(name, kind) for name, kind in _OPTIONAL.items()),
    )
    for name, (columns, where) in INDEXES.items():
        condition = sa.text(where)
        op.create_index(
            f"ix_invoice_amounts_{name}",
            "invoice_amounts",
            columns,
            sqlite_where=condition,
            postgresql_where=condition,
        )
    # Without invoices there is nothing to fill the table with.
    op.execute(
        "INSERT INTO counters (name, value) SELECT 'invoice_amounts_filled', 1 WHERE NOT EXISTS (SELECT 1 FROM watches)"
    )


_GIVEN = {
    "version": sa.Integer(),
    "watched": sa.Boolean(),
    "place": sa.SmallInteger(),
    "source": sa.Text(),
    "customer_id": sa.Text(),
    "direction": sa.Text(),
    "minor": sa.Boolean(),
    "status": sa.Text(),
    "is_due": sa.Boolean(),
    "due": sa.Text(),
    "due_decimals": sa.SmallInteger(),
    "due_rank": sa.Text(),
    "paid": sa.Text(),
    "paid_decimals": sa.SmallInteger(),
    "changed_at": sa.BigInteger(),
}
_OPTIONAL = {
    "customer_name": sa.Text(),
    "due_units": sa.BigInteger(),
    "paid_units": sa.BigInteger(),
    "due_on": sa.Text(),
    "due_at": sa.BigInteger(),
    "issued_day": sa.Integer(),
    "began_on": sa.Text(),
    "paid_at": sa.BigInteger(),
}
