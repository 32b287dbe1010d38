"""Finds out which schema the database has, and upgrades it to ours."""

from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

from watcher.core.errors import SchemaMismatch, StoreUnavailable

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every revision that this program knows, oldest first; it works with the last one."""

_LOCK = 0x1A7015E
"""An arbitrary number that all starting processes use on one PostgreSQL database."""


class Schema(StrEnum):
    NONE = "none"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


def state(connection: Connection) -> Schema:
    """How the schema of the database relates to this program's. A revision that we do not know is newer."""
    if not inspect(connection).has_table("alembic_version"):
        return Schema.NONE
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision is None:
        return Schema.NONE
    if revision not in REVISIONS:
        return Schema.NEWER
    return Schema.CURRENT if revision == REVISIONS[-1] else Schema.OLDER


def require_current(connection: Connection, place: str) -> None:
    """Raise SchemaMismatch unless the schema is ours, or StoreUnavailable if there are no tables at all."""
    match state(connection):
        case Schema.CURRENT:
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
        _upgrade(connection)


def upgrade(connection: Connection) -> Schema:
    """Upgrade a missing or older schema to ours; returns what was found. A newer one is left unchanged."""
    _wait_for_other_starters(connection)
    found = state(connection)
    if found in {Schema.NONE, Schema.OLDER}:
        _upgrade(connection)
    return found


def _wait_for_other_starters(connection: Connection) -> None:
    # On SQLite the transaction was begun IMMEDIATE, which is this lock.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
