"""What the service takes from the machine it runs on; a simulation gives it its own."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import aiohttp
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from watcher.clock import Clock, Random, SystemClock, system_random
from watcher.notify import Transport, in_thread
from watcher.ports import Sender
from watcher.providers.toolkit.kind import ProviderKind
from watcher.webhook import Target


class WebhookSending(Sender, Protocol):
    """A `Sender` whose targets can be changed while it runs."""

    async def reconfigure(self, targets: Mapping[str, Target]) -> None: ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """A loop waits for `idle` when nobody wakes it; `scheduler` makes what rings the maintenance jobs."""

    session: aiohttp.ClientSession
    sender: WebhookSending
    clock: Clock = field(default_factory=SystemClock)
    random: Random = system_random
    monotonic: Callable[[], float] = time.monotonic
    idle: timedelta = timedelta(seconds=1)
    providers: Mapping[str, ProviderKind] = field(default_factory=dict[str, ProviderKind])
    """They replace providers of the same name."""
    scheduler: Callable[[], AsyncIOScheduler | None] = lambda: None
    transport: Transport = in_thread
    """Of messages to people."""
