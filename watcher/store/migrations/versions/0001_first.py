"""The first schema: sources, watches and their snapshots, events, endpoints, deliveries, attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state IN ('pending', 'delivering', 'parked')")
DUE = sa.text("due_at IS NOT NULL")
CLOCK = sa.text("clock_at IS NOT NULL AND due_at IS NOT NULL")
ZERO = sa.text("0")


def upgrade() -> None:
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(counters, [{"name": "cursor", "value": 0}])
    _create_sources()
    _create_watches()
    _create_sights()
    _create_events()
    _create_endpoints()
    _create_deliveries()
    _create_attempts()


def _create_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("configured", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("next_slot_at", sa.BigInteger()),
        sa.Column("blocked_until", sa.BigInteger()),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("refused", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("probe_at", sa.BigInteger()),
        sa.Column("probes", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("last_success_at", sa.BigInteger()),
        sa.Column("last_error", sa.Text()),
    )


def _create_watches() -> None:
    op.create_table(
        "watches",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("source", sa.Text(), sa.ForeignKey("sources.name"), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("listed", sa.Text()),
        sa.Column("added", sa.Text()),
        sa.Column("origins", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("poll_at", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("lease", sa.BigInteger(), nullable=False, server_default=ZERO),
        sa.Column("lease_ends_at", sa.BigInteger()),
        sa.Column("poll_again", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("clock_at", sa.BigInteger()),
        sa.Column("polled_at", sa.BigInteger()),
        sa.Column("asked_at", sa.BigInteger()),
        sa.Column("fetched_at", sa.BigInteger()),
        sa.Column("fingerprint", sa.LargeBinary()),
        sa.Column("misses", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("first_missed_at", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("last_error", sa.Text()),
        sa.Column("settled_at", sa.BigInteger()),
        sa.Column("memory", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("sequence", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("status", sa.Text()),
        sa.Column("overdue", sa.Boolean()),
        sa.UniqueConstraint("source", "invoice_id", name="uq_watches_source_invoice"),
    )
    op.create_index("ix_watches_due", "watches", ["source", "due_at", "id"])
    op.create_index(
        "ix_watches_clock", "watches", ["source", "clock_at", "id"], sqlite_where=CLOCK, postgresql_where=CLOCK
    )


def _create_sights() -> None:
    op.create_table(
        "snapshots",
        sa.Column("watch_id", KEY, sa.ForeignKey("watches.id"), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("observed_after", sa.BigInteger()),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
    )
    op.create_table(
        "documents",
        sa.Column("watch_id", KEY, sa.ForeignKey("watches.id"), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_documents_seen", "documents", ["seen_at"])


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("cursor", KEY, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer()),
        sa.Column("source", sa.Text()),
        sa.Column("watch_id", KEY, sa.ForeignKey("watches.id")),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("full", sa.LargeBinary()),
        sa.Column("thin", sa.LargeBinary()),
        sa.Column("truncated", sa.LargeBinary()),
        sa.UniqueConstraint("id", name="uq_events_id"),
    )
    op.create_index("ix_events_watch", "events", ["watch_id", "cursor"])


def _create_endpoints() -> None:
    op.create_table(
        "endpoints",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("configured", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("state", sa.Text(), nullable=False, server_default=sa.text("'active'")),
        sa.Column("paused_until", sa.BigInteger()),
        sa.CheckConstraint("state IN ('active', 'disabled')", name="ck_endpoints_state"),
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("cursor", KEY, sa.ForeignKey("events.cursor"), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("watch_id", KEY, sa.ForeignKey("watches.id")),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("parked_reason", sa.Text()),
        sa.Column("holds_lane", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=ZERO),
        sa.Column("tried", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("next_attempt_at", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("lease", sa.BigInteger(), nullable=False, server_default=ZERO),
        sa.Column("lease_ends_at", sa.BigInteger()),
        sa.Column("last_status", sa.SmallInteger()),
        sa.Column("last_error", sa.Text()),
        sa.UniqueConstraint("cursor", "endpoint", name="uq_deliveries_event_endpoint"),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["endpoint", "tried", "due_at", "id"],
        sqlite_where=DUE,
        postgresql_where=DUE,
    )
    op.create_index(
        "ix_deliveries_lane",
        "deliveries",
        ["watch_id", "endpoint", "cursor"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("delivery_id", KEY, sa.ForeignKey("deliveries.id"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("error", sa.Text()),
        sa.Column("response", sa.Text()),
        sa.Column("peer", sa.Text()),
    )
    op.create_index("ix_attempts_delivery", "attempts", ["delivery_id", "number"])
    op.create_index("ix_attempts_started", "attempts", ["started_at"])
