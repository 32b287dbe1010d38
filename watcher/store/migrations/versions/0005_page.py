"""What the page asks for often: an invoice's number to search by, and the events of the last days."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None

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
    op.create_index("ix_watches_number", "watches", ["number"])
