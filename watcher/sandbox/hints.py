"""Sends the webhooks of Meteroid, Rapyd and ChargeOver when the ledger changes, signed as each of them signs.

The signatures follow the providers' documentation and share no code with the watcher.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from types import MappingProxyType, TracebackType
from typing import Self

import aiohttp
import anyio
from yarl import URL

from watcher.clock import Clock
from watcher.sandbox.bill import Bill, Change, derived
from watcher.sandbox.hint_wire import hint
from watcher.sandbox.traps import Traps

_SENDERS = ("meteroid", "rapyd", "chargeover")
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_OVERTAKEN_WITHIN = 1.0
"""Real seconds."""


@dataclass(frozen=True, slots=True)
class HintTarget:
    """Where a provider sends its webhooks, and the `whsec_…` (Meteroid) or key (ChargeOver) that it was given."""

    url: str
    secret: str = field(default="", repr=False)


NO_TARGETS: Mapping[str, HintTarget] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SentHint:
    """One POST. `status` is None if there was no answer."""

    provider: str
    invoice_id: str
    type: str
    status: int | None
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class _Hint:
    invoice_id: str
    type: str
    body: bytes
    changed_at: datetime


class HintSender:
    """Use as `async with`. One webhook after the other per provider; none is repeated, whatever the answer.

    `targets` may be changed at any time: what changes at a provider without a target is not sent.
    """

    def __init__(
        self,
        clock: Clock,
        traps: Traps,
        credentials: Mapping[str, Mapping[str, str]],
        targets: Mapping[str, HintTarget] = NO_TARGETS,
    ) -> None:
        self.targets = dict(targets)
        self.sent: list[SentHint] = []
        self._clock = clock
        self._traps = traps
        self._credentials = credentials
        self._numbers = count(1)
        self._waiting = {provider: asyncio.Queue[_Hint]() for provider in _SENDERS}
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            session = await opening.enter_async_context(aiohttp.ClientSession(timeout=_TIMEOUT))
            for provider in _SENDERS:
                # No task group: a fixture may close in another task than it opened in.
                opening.push_async_callback(_stop, asyncio.create_task(self._send_all(provider, session)))
            self._opened = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    def announce(self, bill: Bill, change: Change) -> None:
        """Called by the ledger. The body says what is true now, however late it is sent."""
        if bill.provider not in self.targets:
            return
        now = self._clock.now()
        written = hint(bill, change, self._traps, now)
        if written is not None:
            self._waiting[bill.provider].put_nowait(_Hint(bill.id, *written, now))

    async def all_sent(self) -> None:
        """Wait until no webhook waits to be sent."""
        for waiting in self._waiting.values():
            await waiting.join()

    async def _send_all(self, provider: str, session: aiohttp.ClientSession) -> None:
        waiting = self._waiting[provider]
        while True:
            batch = [await waiting.get()]
            if self._traps.hints.out_of_order:
                with anyio.move_on_after(_OVERTAKEN_WITHIN):
                    batch.insert(0, await waiting.get())
            for each in batch:
                await self._send(provider, each, session)
                waiting.task_done()

    async def _send(self, provider: str, each: _Hint, session: aiohttp.ClientSession) -> None:
        traps = self._traps.hints
        if (early := each.changed_at + traps.delay - self._clock.now()) > timedelta(0):
            await self._clock.sleep(early)
        target = self.targets.get(provider)
        if traps.never or target is None:
            return
        headers = self._signed(provider, target, each.body, is_forged=traps.forged)
        for _ in range(2 if traps.twice else 1):
            status = await _post(session, target.url, headers, each.body)
            self.sent.append(SentHint(provider, each.invoice_id, each.type, status, self._clock.now()))

    def _signed(self, provider: str, target: HintTarget, body: bytes, *, is_forged: bool) -> Mapping[str, str]:
        number, timestamp = next(self._numbers), str(int(self._clock.now().timestamp()))
        match provider:
            case "meteroid":
                key = (
                    b"nobody knows this secret" if is_forged else base64.b64decode(target.secret.removeprefix("whsec_"))
                )
                return _by_svix(key, f"msg_{derived('meteroid', number, length=27)}", timestamp, body)
            case "rapyd":
                keys = {**self._credentials["rapyd"], **({"secret_key": "rsk_nobody_knows"} if is_forged else {})}
                return _by_rapyd(target.url, derived("salt", number, length=12), timestamp, keys, body)
            case _:
                key_sent = "nobody knows this key" if is_forged else target.secret
                return {"X-ChargeOver-Key": key_sent, "X-Chargeover-Source": "https://sandbox.chargeover.example"}


def _by_svix(key: bytes, message_id: str, timestamp: str, body: bytes) -> Mapping[str, str]:
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"svix-id": message_id, "svix-timestamp": timestamp, "svix-signature": f"v1,{mac}"}


def _by_rapyd(url: str, salt: str, timestamp: str, keys: Mapping[str, str], body: bytes) -> Mapping[str, str]:
    """Without the header `access_key`, which the real one does not always send."""
    secret_key = keys["secret_key"]
    signed = (url + salt + timestamp + keys["access_key"] + secret_key).encode() + body
    digest = hmac.new(secret_key.encode(), signed, hashlib.sha256).hexdigest()
    return {"salt": salt, "timestamp": timestamp, "signature": base64.b64encode(digest.encode()).decode()}


async def _post(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], body: bytes) -> int | None:
    sent = {**headers, "Content-Type": "application/json"}
    try:
        async with session.post(URL(url, encoded=True), data=body, headers=sent, allow_redirects=False) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _stop(task: asyncio.Task[None]) -> None:
    """Raises what ended the task before, which is a bug here."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
