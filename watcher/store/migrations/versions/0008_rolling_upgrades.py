"""Which schema each replica knows, so that an upgrade waits for those that would not work with the next one."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

EXPANDS = True


def upgrade() -> None:
    op.add_column("replicas", sa.Column("revision", sa.Integer()))
