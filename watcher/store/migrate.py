"""Finds out which schema the database has, and upgrades it to ours."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from watcher.core.errors import SchemaMismatch, StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

REVISIONS: tuple[str, ...] = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
)
"""Every revision that this program knows, oldest first; it works with the last one."""
MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 0x1A7015E
"""An arbitrary number that all starting processes use on one PostgreSQL database."""
_ACTIVE_SECONDS = 20
"""A replica without a heartbeat for this long is lost: its late results write nothing."""
_OLDEST = "oldest_revision_of_"
"""With the database's revision, the name of the row of `counters` that says which programs work with that revision:
those that know at least the one that the row has.
"""


class Schema(StrEnum):
    NONE = "none"
    OLDER = "older"
    CURRENT = "current"
    EXPANDED = "expanded"
    """Newer, but changed in ways that this program works with."""
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade found, and the active replicas that it has to wait for before it can go on."""

    found: Schema
    waits_for: tuple[str, ...] = ()


def state(connection: Connection) -> Schema:
    """How the schema of the database relates to this program's."""
    revision = _revision(connection)
    if revision is None:
        return Schema.NONE
    if revision not in REVISIONS:
        return Schema.EXPANDED if _oldest_revision(connection, revision) <= int(REVISIONS[-1]) else Schema.NEWER
    return Schema.CURRENT if revision == REVISIONS[-1] else Schema.OLDER


def require_usable(connection: Connection, place: str) -> None:
    """Raise SchemaMismatch unless this program works with the schema, or StoreUnavailable if there are no tables."""
    match state(connection):
        case Schema.CURRENT | Schema.EXPANDED:
            return
        case Schema.NONE:
            raise StoreUnavailable(f"{place} is empty: run `invoice-watcher run` first")
        case Schema.OLDER:
            raise SchemaMismatch(f"{place} has an older schema than this program: run `invoice-watcher db upgrade`")
        case Schema.NEWER:
            raise SchemaMismatch(f"{place} has a newer schema than this program: install the newer invoice-watcher")


def create(connection: Connection) -> None:
    """Create the tables if there are none.

    Call it in a writing transaction; of several starting processes one does it.
    """
    _wait_for_other_starters(connection)
    if state(connection) is Schema.NONE:
        _migrate(connection, REVISIONS[-1])


def upgrade(connection: Connection) -> Upgrade:
    """Upgrade a missing or older schema to ours, as far as active replicas of older programs allow.

    While there are any, only migrations that say `EXPANDS = True` are applied; call it again when they are gone. A
    newer schema is left unchanged.
    """
    _wait_for_other_starters(connection)
    found, revision = state(connection), _revision(connection)
    if found not in {Schema.NONE, Schema.OLDER}:
        return Upgrade(found)
    for pending in REVISIONS[REVISIONS.index(revision) + 1 if revision else 0 :]:
        waits_for = () if _expands(pending) else older_replicas(connection, pending)
        if waits_for:
            return Upgrade(found, waits_for)
        _migrate(connection, pending)
    return Upgrade(found)


def stops_a_run(connection: Connection) -> bool:
    """Whether the next upgrade changes what an older `run` works with."""
    revision = _revision(connection)
    return revision in REVISIONS and not all(map(_expands, REVISIONS[REVISIONS.index(revision) + 1 :]))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _oldest_revision(connection: Connection, revision: str) -> float:
    if inspect(connection).has_table("counters"):
        named = {"name": _OLDEST + revision}
        counted = connection.execute(text("SELECT value FROM counters WHERE name = :name"), named).scalar()
        if counted is not None:
            return int(counted)
    return float("inf")


def _wait_for_other_starters(connection: Connection) -> None:
    # On SQLite the transaction was begun IMMEDIATE, which is this lock.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})


def older_replicas(connection: Connection, revision: str) -> tuple[str, ...]:
    """The active replicas whose program does not know this revision."""
    if connection.dialect.name != "postgresql" or not inspect(connection).has_table("replicas"):
        return ()
    active = text(
        "SELECT name, version FROM replicas WHERE state <> 'lost' AND (revision IS NULL OR revision < :revision)"
        " AND heartbeat_at > (extract(epoch FROM clock_timestamp()) - :seconds) * 1000000 ORDER BY name"
    )
    rows = connection.execute(active, {"revision": int(revision), "seconds": _ACTIVE_SECONDS})
    return tuple(f"{row.name} (version {row.version})" for row in rows)


def _migrate(connection: Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 -- see _config

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    oldest = revision
    while _expands(oldest):
        oldest = REVISIONS[REVISIONS.index(oldest) - 1]
    connection.execute(text("DELETE FROM counters WHERE name LIKE :names"), {"names": _OLDEST + "%"})
    row = {"name": _OLDEST + revision, "value": int(oldest)}
    connection.execute(text("INSERT INTO counters (name, value) VALUES (:name, :value)"), row)


def _expands(revision: str) -> bool:
    """Whether programs of the revision before work with this one too; a migration that says nothing does not."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 -- see _config

    return bool(getattr(ScriptDirectory.from_config(_config()).get_revision(revision).module, "EXPANDS", False))


def _config() -> "Config":
    # Loaded here: nearly every start finds the schema as it is, and Alembic is a tenth of its CPU and memory.
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
