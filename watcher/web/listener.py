"""The listening socket."""

import errno
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web, web_response
from aiohttp.http_exceptions import HttpProcessingError

from watcher.core.errors import Refused

_ALL_ADDRESSES = "::"
LAST_ANSWERS = timedelta(seconds=15)
"""How long answers may take when the service ends: longer than a transaction waits for a locked database."""


@asynccontextmanager
async def serving(application: web.Application, host: str, port: int, key: str = "http.listen") -> AsyncGenerator[str]:
    """Serve while open; gives the address that is really in use.

    Raises Refused, with the name of the key in the configuration, if it cannot be had.
    """
    # aiohttp would name its own and Python's version here; its answers to malformed requests pass no hook of ours.
    web_response.SERVER_SOFTWARE = "invoice-watcher"  # pyright: ignore[reportPrivateImportUsage]
    logger = logging.getLogger(__name__)
    logger.addFilter(_is_our_fault)
    runner = web.AppRunner(application, access_log=None, logger=logger, shutdown_timeout=LAST_ANSWERS.total_seconds())
    await runner.setup()
    try:
        try:
            await _site(runner, host, port).start()
        except OSError as error:
            raise Refused(f"{key}: {_reason(error, _shown(host, port))}") from error
        bound = runner.addresses[0]
        yield _shown(str(bound[0]), int(bound[1]))
    finally:
        await runner.cleanup()


def _site(runner: web.AppRunner, host: str, port: int) -> web.BaseSite:
    if host != _ALL_ADDRESSES:
        return web.TCPSite(runner, host, port)
    # asyncio binds it for IPv6 alone: in a cluster with both, half of those who call would be refused.
    return web.SockSite(runner, socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True))


def _is_our_fault(record: logging.LogRecord) -> bool:
    """A request that is not HTTP is answered with 400, and is no error of this program."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


def _reason(error: OSError, address: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is in use by another program: choose another port, or end it"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address} is no address of this machine"
    return f"cannot listen on {address}: {error.strerror or error}"


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
