"""The program as the first process of a container, and at the addresses that containers have."""

import os
import shutil
import signal
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from anyio.abc import Process

from tests.acceptance.daemon import ALIVE_AFTER, PATIENCE, Site, environment, until
from tests.acceptance.operating import started
from watcher.daemon.bootstrap import stop_signals
from watcher.sandbox import Fault, FaultKind

OWN_PIDS = ("unshare", "--pid", "--fork", "--kill-child")


async def can_have_own_pids() -> bool:
    if shutil.which("unshare") is None:
        return False
    return (await anyio.run_process([*OWN_PIDS, "true"], check=False)).returncode == 0


def child_of(process: Process) -> int | None:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else None


@pytest.fixture
async def waiting(site: Site) -> AsyncGenerator[tuple[Process, int]]:
    """A `get`, the first process among its own, that waits for a provider; and its pid outside."""
    if not await can_have_own_pids():
        pytest.skip("this user may not make a pid namespace (unshare --pid of util-linux)")
    site.source("meteroid", timeout="1m")
    site.write()
    site.sandbox.fail_next("meteroid", Fault(FaultKind.SLOW, delay=timedelta(seconds=PATIENCE)))
    process = await anyio.open_process([*OWN_PIDS, *site.argv("get", "meteroid", "inv_1")], env=environment())
    try:
        await until(lambda: site.asked("inv_1"), "the provider is asked")
        pid = child_of(process)
        assert pid is not None
        yield process, pid
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_command_that_is_the_first_process_ends_on_sigterm(waiting: tuple[Process, int]) -> None:
    process, pid = waiting
    os.kill(pid, signal.SIGTERM)
    with anyio.fail_after(PATIENCE / 2):
        assert await process.wait() == 128 + signal.SIGTERM


async def test_a_start_leaves_signals_to_what_handled_them_before() -> None:
    def handler(number: int, frame: object) -> None: ...

    former = signal.signal(signal.SIGTERM, handler)
    try:
        with stop_signals() as signals:
            os.kill(os.getpid(), signal.SIGTERM)
            assert await anext(signals) is signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, former)


async def test_files_that_a_cluster_replaces_behind_links_are_read_again(site: Site) -> None:
    site.source("meteroid")
    site.write()
    (site.folder / "..first").mkdir()
    site.config.rename(site.folder / "..first" / site.config.name)
    (site.folder / "..data").symlink_to("..first")
    site.config.symlink_to(f"..data/{site.config.name}")
    async with started(site) as daemon:
        await until(lambda: daemon.has_logged(ALIVE_AFTER), "the daemon starts")
        (site.folder / "..second").mkdir()
        text = site.config.read_text().replace("[sources.meteroid]", "[sources.renamed]")
        (site.folder / "..second" / site.config.name).write_text(text)
        (site.folder / "..new").symlink_to("..second")
        (site.folder / "..new").rename(site.folder / "..data")
        await until(lambda: daemon.has_logged("config.applied"), "the new file is in force")
        (source,) = await site.command("sources")
    assert source["name"] == "renamed"


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
async def test_all_addresses_are_those_of_both_families(site: Site) -> None:
    token = site.secret("token", "t" * 32)
    site.http = {"listen": "[::]:0", "token": {"file": token}, "hosts": ["blue"], "public_url": "https://w.example.com"}
    async with site.running() as daemon:
        (port,) = (line["address"].rpartition(":")[2] for line in daemon.logged if line["event"] == "http.listening")
        for host in ("127.0.0.1", "::1"):
            async with await anyio.connect_tcp(host, int(port)) as stream:
                await stream.send(b"GET /healthz HTTP/1.0\r\nHost: [2001:db8::1]:8480\r\n\r\n")
                assert (await stream.receive()).startswith(b"HTTP/1.0 200 "), host
        for name, status in (("blue", b"200"), ("w.example.com", b"200"), ("green", b"403")):
            async with await anyio.connect_tcp("127.0.0.1", int(port)) as stream:
                await stream.send(b"GET /readyz HTTP/1.0\r\nHost: " + name.encode() + b"\r\n\r\n")
                assert (await stream.receive()).startswith(b"HTTP/1.0 " + status), name
