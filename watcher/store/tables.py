"""The tables. `migrations/` creates them; a test compares both."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    UniqueConstraint,
    false,
    text,
    true,
)

from watcher.store.column_types import Day, Instant, Tags, Words
from watcher.store.schema import (
    ASKED,
    ATTEMPTING,
    ERROR_LIMIT,
    NAME_LIMIT,
    OPEN,
    POSTGRESQL_ALONE,
    RESPONSE_LIMIT,
    RETRYING,
    SQLITE_ALONE,
    TROUBLED,
    WAITING,
    Key,
    metadata,
    partial_index,
)

counters = Table(
    "counters",
    metadata,
    Column("name", Words(), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`cursor`: the holder of its lock may make events visible and move lanes. `writes_checked`: see `check_writable`."""

sources = Table(
    "sources",
    metadata,
    Column("name", Words(), primary_key=True),
    Column("provider", Words(NAME_LIMIT), nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("configured", Boolean, nullable=False, server_default=true()),
    Column("next_slot_at", Instant),
    Column("blocked_until", Instant),
    Column("failing_since", Instant),
    Column("refused", Boolean, nullable=False, server_default=false()),
    Column("told", Boolean, key="failing_recorded", nullable=False, server_default=false()),
    Column("probe_at", Instant),
    Column("probes", Integer, nullable=False, server_default=text("0")),
    Column("last_success_at", Instant),
    Column("last_error", Words(ERROR_LIMIT)),
    Column("share", Integer, nullable=False, server_default=text("1000")),
    Column("shrunk_at", Instant),
    Column("sweep_at", Instant),
    Column("discover_at", Instant),
    Column("changes_at", Instant),
    Column("takes_hints", Boolean, nullable=False, server_default=false()),
    Column("hinted_at", Instant),
    Column("discovery_slot_at", Instant),
)
"""`next_slot_at` is the theoretical arrival time of the rate budget. `configured` is false once the source is removed.

`share` is the share of its requests that the account gets, in thousandths, since it refused some at `shrunk_at`.
`sweep_at`, `discover_at` and `changes_at` are when the next round through its lists may begin, one for each kind.
`hinted_at` is when the last hint came, `discovery_slot_at` when the next invoice that only hints know may be polled.
"""

FULL_SHARE = 1000

watches = Table(
    "watches",
    metadata,
    Column("id", Key, primary_key=True),
    Column("source", Words(), ForeignKey("sources.name"), nullable=False),
    Column("invoice_id", Words(), nullable=False),
    # What is desired, by file and by hand, as JSON; whether lists named it; and what follows from all three.
    Column("listed", Words()),
    Column("added", Words()),
    Column("discovered", Words()),
    Column("origins", Words(), nullable=False),
    Column("tags", Tags, nullable=False),
    Column("due_on", Day),
    Column("note", Words()),
    Column("created_at", Instant, nullable=False),
    # When it is polled, and by which process.
    Column("state", Words(), nullable=False),
    Column("poll_at", Instant),
    Column("due_at", Instant),
    Column("lease", BigInteger, nullable=False, server_default=text("0")),
    Column("lease_ends_at", Instant),
    Column("holder", BigInteger),
    Column("poll_again", Boolean, nullable=False, server_default=false()),
    Column("poll_reason", Words()),
    Column("clock_at", Instant),
    # What the last polls found.
    Column("polled_at", Instant),
    Column("asked_at", Instant),
    Column("fetched_at", Instant),
    Column("fingerprint", LargeBinary),
    Column("misses", Integer, nullable=False, server_default=text("0")),
    Column("first_missed_at", Instant),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Words(ERROR_LIMIT)),
    Column("settled_at", Instant),
    Column("memory", Words()),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("sequence", Integer, nullable=False, server_default=text("0")),
    Column("status", Words()),
    Column("overdue", Boolean),
    Column("number", Words()),
    Column("due_hour", Integer),
    Column("currency", Words()),
    Column("worth", SmallInteger),
    UniqueConstraint("source", "invoice_id", name="uq_watches_source_invoice"),
    Index("ix_watches_due", "source", "due_at", "id"),
    Index(
        "ix_watches_browse", "source", "invoice_id", "status", "overdue", "origins", "tags", "number", info=SQLITE_ALONE
    ),
    partial_index("ix_watches_troubled", "state", "source", "invoice_id", where=TROUBLED),
    partial_index(
        "ix_watches_clock", "source", "clock_at", "id", where=text("clock_at IS NOT NULL AND due_at IS NOT NULL")
    ),
    partial_index("ix_watches_asked", "source", "due_at", "id", where=ASKED),
    # `origins` only for its condition, which SQLite evaluates again in each row.
    partial_index("ix_watches_open", "source", "status", "due_hour", "currency", "worth", "origins", where=OPEN),
)
"""One row per invoice ever watched; without origins it is stopped.

`poll_at` is the next poll as it was planned. `due_at` is what claims sort by: `poll_at`, or the end of the lease while
a process holds the watch, or null where nothing is polled (stopped, retired). `poll_again`: somebody requested a poll,
which is made at once, or right after the one in progress. `poll_reason` is why it is polled before its turn
(`ports.PollReason`), null if the policy planned the poll. `due_hour`, `currency` and `worth` are those of
`core.scheduling.allocation.HazardGroup`; like `status` they are written only when they change, which keeps
`ix_watches_open` cheap. `ix_watches_browse` has every column that lists of invoices filter by, so that no wide row is
read in vain.
"""

watchlists = Table(
    "watchlists",
    metadata,
    Column("digest", Words(), primary_key=True),
    Column("watches", Integer, nullable=False),
    Column("warnings", Words(), nullable=False),
)
"""One row, or none: the lists that `watches.listed` contains, all of them and nothing else (`ports.ListDigest`)."""

snapshots = Table(
    "snapshots",
    metadata,
    Column("watch_id", Key, ForeignKey("watches.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("observed_after", Instant),
    Column("observed_at", Instant, nullable=False),
    Column("document", Words(), nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("watch_id", Key, ForeignKey("watches.id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("seen_at", Instant, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("ix_documents_seen", "seen_at"),
)
"""Raw answers, compressed, once per distinct content of an invoice. `seen_at` is when it was last kept."""

events = Table(
    "events",
    metadata,
    Column("cursor", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("id", Words(), nullable=False),
    Column("type", Words(NAME_LIMIT), nullable=False),
    Column("sequence", Integer),
    Column("source", Words()),
    Column("watch_id", Key, ForeignKey("watches.id")),
    Column("timestamp", Instant, nullable=False),
    Column("tags", Tags, nullable=False),
    Column("full", LargeBinary),
    Column("thin", LargeBinary),
    Column("truncated", LargeBinary),
    Column("delay_us", BigInteger),
    Column("found_by", Words(NAME_LIMIT)),
    UniqueConstraint("id", name="uq_events_id"),
    Index("ix_events_watch", "watch_id", "cursor"),
    Index("ix_events_browse", "cursor", "timestamp", "type", "source", "tags", info=SQLITE_ALONE),
    partial_index(
        "ix_events_delayed", "source", "timestamp", "found_by", "delay_us", where=text("delay_us IS NOT NULL")
    ),
)
"""`full`, `thin` and `truncated` are bodies, byte for byte; all are null after a purge. `delay_us` is the time from the
provider's own time of the change to the poll that found it, `found_by` how it was found (`ports.FoundBy`).
`ix_events_browse` has all columns that events are filtered by, in the order of cursors, without the bodies.
"""

endpoints = Table(
    "endpoints",
    metadata,
    Column("name", Words(), primary_key=True),
    Column("url", Words(), nullable=False),
    Column("configured", Boolean, nullable=False, server_default=true()),
    Column("state", Words(), nullable=False, server_default=text("'active'")),
    Column("paused_until", Instant),
    Column("hears", Tags, nullable=False, server_default=text("'[]'")),
    Column("disabled_reason", Words(ERROR_LIMIT)),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failed_lane", BigInteger),
    Column("failing_since", Instant),
    Column("failed_at", Instant),
    Column("probe_at", Instant),
    Column("probes", Integer, nullable=False, server_default=text("0")),
    Column("told_since", Instant, key="disabled_since"),
    Column("next_slot_at", Instant),
    Column("cloud_events", Boolean, nullable=False, server_default=false()),
    CheckConstraint("state IN ('active', 'disabled')", name="ck_endpoints_state"),
)
"""`hears` are the events about other endpoints that it wants. The rest is `core.webhooks.endpoint_health`: while
`probe_at` is set, one delivery at a time is sent, not before then; a disabled endpoint without it gets nothing.
"""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Key, primary_key=True),
    Column("cursor", Key, ForeignKey("events.cursor"), nullable=False),
    Column("endpoint", Words(), nullable=False),
    Column("watch_id", Key, ForeignKey("watches.id")),
    Column("event_type", Words(NAME_LIMIT), nullable=False),
    Column("form", Words(), nullable=False),
    Column("state", Words(), nullable=False),
    Column("parked_reason", Words()),
    Column("holds_lane", Boolean, nullable=False, server_default=true()),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("tried", Boolean, nullable=False, server_default=false()),
    Column("next_attempt_at", Instant),
    Column("due_at", Instant),
    Column("lease", BigInteger, nullable=False, server_default=text("0")),
    Column("lease_ends_at", Instant),
    Column("holder", BigInteger),
    Column("overtaken", Boolean, nullable=False, server_default=false()),
    Column("last_status", SmallInteger),
    Column("last_error", Words(ERROR_LIMIT)),
    UniqueConstraint("cursor", "endpoint", name="uq_deliveries_event_endpoint"),
    partial_index("ix_deliveries_due", "endpoint", "tried", "due_at", "id", where=text("due_at IS NOT NULL")),
    partial_index("ix_deliveries_lane", "watch_id", "endpoint", "cursor", where=WAITING),
    partial_index("ix_deliveries_retrying", "endpoint", "next_attempt_at", where=RETRYING),
    partial_index("ix_deliveries_held", "endpoint", "holder", where=ATTEMPTING, info=POSTGRESQL_ALONE),
)
"""The queue. `due_at` is what claims sort by: null if the delivery only waits for its lane, is parked or has ended.
`overtaken` during an attempt: unless it arrives, it becomes superseded.

Without a foreign key to `endpoints`: an event may name an endpoint that was configured a moment ago.
"""

attempts = Table(
    "attempts",
    metadata,
    Column("id", Key, primary_key=True),
    Column("delivery_id", Key, ForeignKey("deliveries.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("outcome", Words(), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("status", SmallInteger),
    Column("error", Words(ERROR_LIMIT)),
    Column("response", Words(RESPONSE_LIMIT)),
    Column("peer", Words(ERROR_LIMIT)),
    Index("ix_attempts_delivery", "delivery_id", "number"),
    Index("ix_attempts_started", "started_at"),
)

replicas = Table(
    "replicas",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Words(), nullable=False),
    Column("version", Words(), nullable=False),
    Column("host", Words(), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("heartbeat_at", Instant, nullable=False),
    Column("state", Words(), nullable=False),
    Column("config", Words(), nullable=False),
    Column("revision", Integer),
    UniqueConstraint("name", name="uq_replicas_name"),
)
"""The `run`s on a PostgreSQL database, by the server's clock. `config` is a digest of the configuration, `revision` the
newest migration that the program knows. `holder` in other tables is the `id` of the replica that leased the row last.
"""
