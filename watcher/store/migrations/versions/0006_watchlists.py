"""Which watch lists the stored watches match, so that they need not be read again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watchlists",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("watches", sa.Integer(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
    )
