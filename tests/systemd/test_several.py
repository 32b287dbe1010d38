"""Several services on one machine that share a PostgreSQL."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from tests.acceptance.daemon import Site, until
from tests.integration.repository.documents import SYSTEMD, shell
from tests.systemd.machine import Machine
from tests.systemd.site import SOURCE

pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def by_tcp(postgres_url: str) -> AsyncGenerator[str]:
    """The URL of a database by TCP that listens on a unix socket alone, which the machine cannot see."""
    database, _, folder = postgres_url.partition("@/")[2].partition("?host=")

    async def relay(client: SocketStream) -> None:
        server = await anyio.connect_unix(f"{folder}/.s.PGSQL.5432")
        async with client, server, anyio.create_task_group() as group:
            group.start_soon(copied, client, server, group.cancel_scope)
            group.start_soon(copied, server, client, group.cancel_scope)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 -- no Django here
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, relay)
        yield f"postgresql://watcher@127.0.0.1:{port}/{database}"
        group.cancel_scope.cancel()


async def copied(source: ByteStream, target: ByteStream, scope: anyio.CancelScope) -> None:
    """Copy until one of both ends."""
    try:
        async for data in source:
            await target.send(data)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass
    scope.cancel()


async def test_two_services_share_a_database_and_the_credentials_and_go_on_for_each_other(
    machine: Machine, site: Site, postgres_url: str
) -> None:
    bill = site.sandbox.ledger.create("meteroid", "inv_1", "EUR", 1000)
    site.watch(SOURCE, "inv_1")
    site.http = {}
    async with by_tcp(postgres_url) as url:
        site.database = {"url": url}
        site.write()
        listed = await machine.type(shell(SYSTEMD, "Several on one machine"))
        names = [word for word in listed.split() if word.endswith(("-8480", "-8481"))]
        assert len(names) == 2, listed
        await site.hears("inv_1", "tracked")
        await machine.systemctl("kill", "--signal=KILL", "invoice-watcher@8480")
        site.sandbox.ledger.pay(bill)
        await site.hears("inv_1", "tracked", "paid")
        await machine.until_logged("service.started", times=3)
        await machine.systemctl("stop", "invoice-watcher@8480", "invoice-watcher@8481")
        await until(lambda: len(site.receiver.deliveries) == 2, "each event came once")
        assert (await machine.program("replicas", "--json")).out == ""
