"""The sandbox itself: one server per provider on loopback, one ledger behind them."""

import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiohttp import web

from watcher.clock import Clock, SystemClock
from watcher.sandbox.apis.api import Api, Arrival, Books
from watcher.sandbox.apis.chargebee import ChargebeeApi
from watcher.sandbox.apis.chargeover import ChargeOverApi
from watcher.sandbox.apis.dollr import DollrApi
from watcher.sandbox.apis.fragment import TOKEN_PATH, FragmentApi
from watcher.sandbox.apis.lago import LagoApi
from watcher.sandbox.apis.meteroid import MeteroidApi
from watcher.sandbox.apis.rapyd import RapydApi
from watcher.sandbox.apis.stripe import StripeApi
from watcher.sandbox.hints import NO_TARGETS, HintSender, HintTarget
from watcher.sandbox.keys import DEMO_KEYS
from watcher.sandbox.ledger import Ledger
from watcher.sandbox.traps import Fault, Traps

LOOPBACK = "127.0.0.1"
_CLOSING_SECONDS = 0.5

_APIS: tuple[type[Api], ...] = (
    FragmentApi,
    MeteroidApi,
    DollrApi,
    RapydApi,
    ChargeOverApi,
    StripeApi,
    LagoApi,
    ChargebeeApi,
)


class Sandbox:
    """Use as `async with Sandbox() as sandbox`. Each provider has a port of its own.

    `base_urls` and `credentials` (by provider) and `token_url` (Fragment's) are what a watcher is configured with.
    `hint_targets` (by provider) are where providers send webhooks; `hints` knows what was sent.
    The clock decides token ends, signature ages, overdue days and the `Date` header; give the watcher the same one.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        traps: Traps | None = None,
        credentials: Mapping[str, Mapping[str, str]] = DEMO_KEYS,
        hint_targets: Mapping[str, HintTarget] = NO_TARGETS,
    ) -> None:
        self.clock = clock or SystemClock()
        self.ledger = Ledger(self.clock)
        self.traps = traps or Traps()
        self.credentials = credentials
        self.hints = HintSender(self.clock, self.traps, credentials, hint_targets)
        self.ledger.on_change = self.hints.announce
        self.requests: list[Arrival] = []
        self.base_urls: dict[str, str] = {}
        self.token_url = ""
        self._apis: dict[str, Api] = {}
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            for api in _APIS:
                await self._open(api, opening)
            await opening.enter_async_context(self.hints)
            self._opened = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    def fail_next(self, provider: str, fault: Fault, times: int = 1) -> None:
        """That provider's next requests get the fault, after faults that were set before."""
        self._apis[provider].faults.extend([fault] * times)

    def fail_no_more(self, provider: str) -> None:
        """Remove the faults that are still to come."""
        self._apis[provider].faults.clear()

    def expire_tokens(self, provider: str) -> None:
        """End all access tokens of that provider now."""
        self._apis[provider].tokens.expire()

    async def _open(self, kind: type[Api], opening: AsyncExitStack) -> None:
        provider = kind.provider
        api = kind(Books(self.ledger, self.traps, self.credentials[provider], self.clock, self.requests))
        port = await serve(api.application(), opening)
        self._apis[provider] = api
        self.base_urls[provider] = f"http://{LOOPBACK}:{port}{api.prefix}"
        if isinstance(api, FragmentApi):
            self.token_url = f"http://{LOOPBACK}:{port}{TOKEN_PATH}"


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        port: int = taken.getsockname()[1]
        return port


async def serve(application: web.Application, opened: AsyncExitStack, port: int = 0) -> int:
    """Serve on loopback until the stack closes; returns the port, which the system chooses for 0."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_CLOSING_SECONDS)
    await runner.setup()
    opened.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, LOOPBACK, port).start()
    return int(runner.addresses[0][1])
