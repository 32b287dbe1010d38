"""Sends the providers' webhooks when the ledger changes, signed as each of them signs.

The signatures follow the providers' documentation and share no code with the watcher.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from types import MappingProxyType, TracebackType
from typing import Self
from zlib import crc32

import aiohttp
import anyio
from yarl import URL

from watcher.clock import Clock
from watcher.sandbox.bill import Bill, Change, derived
from watcher.sandbox.hint_wire import hint
from watcher.sandbox.traps import Traps

_SENDERS = ("meteroid", "rapyd", "chargeover", "stripe", "lago", "chargebee")
_AT_ONCE = 8
"""Webhooks that one provider sends at the same time."""
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_OVERTAKEN_WITHIN = 1.0
"""Real seconds."""


@dataclass(frozen=True, slots=True)
class HintTarget:
    """Where a provider sends its webhooks, and the secret of `DEMO_HINT_SECRETS` or another one for these."""

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
    """Use as `async with`. Webhooks about one invoice come in order; none is repeated, whatever the answer.

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
        self._waiting = {provider: [asyncio.Queue[_Hint]() for _ in range(_AT_ONCE)] for provider in _SENDERS}
        """Those about one invoice are all in one of the queues."""
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            session = await opening.enter_async_context(aiohttp.ClientSession(timeout=_TIMEOUT))
            for provider, queues in self._waiting.items():
                for waiting in queues:
                    # No task group: a fixture may close in another task than it opened in.
                    task = asyncio.create_task(self._send_all(provider, waiting, session))
                    opening.push_async_callback(_stop, task)
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
            queues = self._waiting[bill.provider]
            queues[crc32(bill.id.encode()) % len(queues)].put_nowait(_Hint(bill.id, *written, now))

    async def all_sent(self) -> None:
        """Wait until no webhook waits to be sent."""
        for queues in self._waiting.values():
            for waiting in queues:
                await waiting.join()

    async def _send_all(self, provider: str, waiting: "asyncio.Queue[_Hint]", session: aiohttp.ClientSession) -> None:
        while True:
            batch = [await waiting.get()]
            if self._traps.hints.out_of_order:
                with anyio.move_on_after(_OVERTAKEN_WITHIN):
                    following = await waiting.get()
                    batch.insert(0 if following.invoice_id == batch[0].invoice_id else 1, following)
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
                secret = "nobody:knows this secret" if is_forged else target.secret
                return _SIGNERS[provider](secret, timestamp, body)


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


def _by_chargeover(secret: str, _timestamp: str, _body: bytes) -> Mapping[str, str]:
    return {"X-ChargeOver-Key": secret, "X-Chargeover-Source": "https://sandbox.chargeover.example"}


def _by_stripe(secret: str, timestamp: str, body: bytes) -> Mapping[str, str]:
    """The secret is used as it is written, with its `whsec_`."""
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={timestamp},v1={mac}"}


def _by_lago(secret: str, _timestamp: str, body: bytes) -> Mapping[str, str]:
    mac = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return {
        "X-Lago-Signature": mac,
        "X-Lago-Signature-Algorithm": "hmac",
        "X-Lago-Unique-Key": derived("lago", body, length=32),
    }


def _by_chargebee(secret: str, _timestamp: str, _body: bytes) -> Mapping[str, str]:
    """`secret` is the user with the password."""
    return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


_SIGNERS: Mapping[str, Callable[[str, str, bytes], Mapping[str, str]]] = {
    "chargeover": _by_chargeover,
    "stripe": _by_stripe,
    "lago": _by_lago,
    "chargebee": _by_chargebee,
}


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
