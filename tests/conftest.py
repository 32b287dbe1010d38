"""Databases for tests: a migrated SQLite file copied per test, and a real PostgreSQL started once per worker."""

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.fakes import postgresql
from watcher.store import Store, open_store

_numbers = count(1)

# A machine that is busy with other tests is slow now and then, which says nothing of the program.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Whoever runs a command in this process has set up its logs: the next test starts without."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with our tables and nothing in them: copy it, it is not yours."""
    file = tmp_path_factory.mktemp("migrated") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    file = tmp_path / "watcher.db"
    shutil.copyfile(migrated_file, file)
    return f"sqlite:///{file}"


@pytest.fixture(scope="session")
def postgres_server() -> Generator[str]:
    """The URL of a running server whose database `migrated` has our tables; skipped aloud without PostgreSQL."""
    try:
        with postgresql.cluster() as url:
            asyncio.run(_make_template(url))
            yield url
    except postgresql.PostgresqlMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncGenerator[str]:
    """A migrated, empty PostgreSQL database of this test's own."""
    name = f"test_{next(_numbers)}"
    await _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE migrated")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    await _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_postgres_url(postgres_server: str) -> AsyncGenerator[str]:
    """A PostgreSQL database of this test's own without any tables."""
    name = f"empty_{next(_numbers)}"
    await _administer(postgres_server, f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    await _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def sqlite_store(sqlite_url: str) -> AsyncGenerator[Store]:
    async with open_store(sqlite_url) as store:
        yield store


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of either kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database of either kind may be made; nothing is there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/made.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
async def store(database_url: str) -> AsyncGenerator[Store]:
    """An empty store of either kind that goes by the test's clock."""
    async with open_store(database_url, database_clock=False) as opened:
        yield opened


async def _migrate(url: str) -> None:
    async with open_store(url, create=True):
        pass


async def _make_template(url: str) -> None:
    await _administer(url, "CREATE DATABASE migrated")
    await _migrate(url.replace("/postgres?", "/migrated?"))


async def _administer(url: str, statement: str) -> None:
    async with _connected(url) as connection:
        await connection.execute(statement)


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
