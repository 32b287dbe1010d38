"""A database that goes away while `run` starts is waited for, whatever step of the start it was."""

from collections.abc import Generator

import pytest

from tests.acceptance.daemon import ALIVE_AFTER, Site, until
from tests.acceptance.operating import started
from tests.chaos.proxy import proxied
from tests.fakes import postgresql
from tests.skips import in_ci
from watcher.sandbox import Receiver, Sandbox

pytestmark = pytest.mark.timeout(150)


@pytest.fixture(scope="module")
def server() -> Generator[postgresql.Server]:
    try:
        with postgresql.server() as started_server:
            yield started_server
    except postgresql.PostgresqlMissing as missing:
        if in_ci():
            raise
        pytest.skip(str(missing))


@pytest.mark.parametrize("statement", [b"INSERT INTO replicas", b"INSERT INTO sources"])
async def test_a_connection_lost_at_a_start_is_waited_for(
    server: postgresql.Server, statement: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with Sandbox() as sandbox, Receiver() as receiver, proxied(server.port) as proxy:
        site = Site(tmp_path_factory.mktemp("site"), sandbox, receiver)
        site.source("meteroid")
        site.database = {"url": server.url(port=proxy.port), "wait": "30s"}
        site.write()
        proxy.cut_at = statement
        async with started(site) as daemon:
            await until(lambda: daemon.has_logged(ALIVE_AFTER) or daemon.process.returncode is not None, "it runs")
            assert proxy.cut_at is None, "no statement of the start was cut"
            assert daemon.has_logged(ALIVE_AFTER), daemon.log.read_text()
            assert daemon.has_logged("database.awaited", wait="30s")
            daemon.process.terminate()
            assert await daemon.ended() == 0
