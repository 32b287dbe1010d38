"""Every version of the schema has its database, which later versions have to upgrade."""

from sqlite3 import connect

import pytest

from tests.data.databases import HERE, KINDS, dump_file, sql
from watcher.store.migrate import REVISIONS


def test_every_revision_has_a_database_of_each_kind_and_no_other() -> None:
    expected = {dump_file(revision, kind) for revision in REVISIONS for kind in KINDS}

    assert set(HERE.glob("*.sql.gz")) == expected, "make what lacks: python -m tests.data.databases"


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_is_of_its_revision_and_small(revision: str) -> None:
    for kind in KINDS:
        assert dump_file(revision, kind).stat().st_size < 30_000
        assert f"'{revision}'" in sql(revision, kind)
    with connect(":memory:") as connection:
        connection.executescript(sql(revision, "sqlite"))
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
    connection.close()
