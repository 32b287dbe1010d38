"""Sends events to people, as messages through Apprise: each service in a thread of its own, for a limited time."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Protocol

import anyio
import anyio.to_thread
import structlog

from watcher.clock import Clock
from watcher.core.errors import InvalidAnswer, StoreUnavailable
from watcher.core.notifications.digest import Digest, digest
from watcher.core.notifications.event_facts import EventFacts, read_event
from watcher.core.notifications.message import Message, message
from watcher.egress import Network
from watcher.notify import services
from watcher.notify.daemon_thread import in_daemon_thread
from watcher.notify.rendering import Rendered, render
from watcher.notify.schemes import scheme_of
from watcher.ports import Attempt, ClaimedDelivery, Outcome, Receipt
from watcher.ports.notifications import Reached

TIMEOUT = timedelta(seconds=45)
"""For one message to one service; Apprise waits for a socket no longer than a quarter of it."""

_LONGEST_PREPARATION = timedelta(seconds=15)
"""Less than it takes until another replica takes over."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class NotifyFault(StrEnum):
    """The values of `Receipt.error`."""

    NOT_SENT = "not_sent"
    TIMEOUT = "timeout"
    ADDRESS_REFUSED = "address_refused"
    NOT_CONFIGURED = "not_configured"
    UNREADABLE = "unreadable"
    STORE = "store_unavailable"
    LATE = "late"
    """This process was stopped while it prepared the message, and another one may have sent it."""


@dataclass(frozen=True, slots=True)
class NotifyTarget:
    """The services of one notification: each of the `urls` gets a message.

    `public_url` is where people reach the page.
    """

    name: str
    urls: tuple[str, ...] = field(repr=False)
    allow_private: tuple[Network, ...] = ()
    public_url: str | None = None
    timeout: timedelta = TIMEOUT

    @property
    def schemes(self) -> str:
        """All that is ever shown of the URLs."""
        return ", ".join(scheme_of(url) for url in self.urls)


class Transport(Protocol):
    async def __call__(
        self, url: str, rendered: Rendered, target: NotifyTarget, on_end: Callable[[], None]
    ) -> services.Result:
        """Send a message to the service of this URL. Raises TimeoutError after the target's time.

        The message may still be on its way then; `on_end` is called when it is not any more.
        """
        ...


async def in_thread(url: str, rendered: Rendered, target: NotifyTarget, on_end: Callable[[], None]) -> services.Result:
    """A `Transport`: Apprise in a thread of its own."""
    call = partial(services.send, url, rendered, target.allow_private)
    return await in_daemon_thread(call, target.timeout.total_seconds(), on_end)


class NotificationSender:
    """A `Sender` and `DigestSender`; `reconfigure` changes the targets while it runs."""

    def __init__(self, clock: Clock, reached: Reached | None = None, transport: Transport = in_thread) -> None:
        self._clock = clock
        self._reached = reached
        self._transport = transport
        self._targets: Mapping[str, NotifyTarget] = {}
        self._sending: set[tuple[str, str]] = set()
        self._marks: dict[tuple[str, str], str] = {}

    @property
    def names(self) -> Collection[str]:
        return self._targets.keys()

    def reconfigure(self, targets: Mapping[str, NotifyTarget]) -> None:
        """Send to these from now on. Messages in progress end as they began."""
        self._targets = dict(targets)

    async def send(self, attempt: Attempt) -> Receipt:
        return await self._send(attempt.endpoint, [(attempt.event_id, attempt.body)], as_digest=False)

    async def send_digest(self, endpoint: str, deliveries: Sequence[ClaimedDelivery]) -> Receipt:
        return await self._send(endpoint, [(one.event_id, one.body) for one in deliveries], as_digest=True)

    async def _send(self, name: str, bodies: Sequence[tuple[str, bytes]], *, as_digest: bool) -> Receipt:
        started_at = self._clock.now()
        target = self._targets.get(name)
        if target is None:
            return Receipt(Outcome.BLOCKED, started_at, timedelta(0), error=NotifyFault.NOT_CONFIGURED)
        events = {event_id: _read(body) for event_id, body in bodies}
        if not as_digest and None in events.values():
            # A newer replica may know its type.
            return Receipt(Outcome.RETRY, started_at, timedelta(0), error=NotifyFault.UNREADABLE)
        try:
            reached = await self._marks_of(target, events)
        except StoreUnavailable:
            return Receipt(Outcome.RETRY, started_at, timedelta(0), error=NotifyFault.STORE)
        results = await self._to_all(target, events, reached, started_at, as_digest=as_digest)
        if len(target.urls) > 1:
            await self._keep_reached(target, events, reached, results)
        return _receipt(target, results, self._clock.now() - started_at, started_at)

    async def _to_all(
        self,
        target: NotifyTarget,
        events: Mapping[str, EventFacts | None],
        reached: Mapping[str, frozenset[str]],
        started_at: datetime,
        *,
        as_digest: bool,
    ) -> dict[str, "_Result"]:
        results: dict[str, _Result] = {}

        async def send_to(url: str) -> None:
            mark = self._marks.get((target.name, url), "")
            missing = {key: event for key, event in events.items() if mark not in reached.get(key, ())}
            results[url] = await self._send_to(target, url, missing, started_at, as_digest=as_digest)

        async with anyio.create_task_group() as group:
            for url in target.urls:
                group.start_soon(send_to, url)
        return results

    async def _send_to(
        self,
        target: NotifyTarget,
        url: str,
        events: Mapping[str, EventFacts | None],
        started_at: datetime,
        *,
        as_digest: bool,
    ) -> "_Result":
        if not events:
            return _Result()
        key = target.name, url
        if key in self._sending:  # a message that took too long: another one beside it could overtake it
            return _Result(NotifyFault.TIMEOUT, "the message before is still being sent")
        said = _said(events, self._clock.now(), target.public_url, as_digest=as_digest)
        rendered = render(said, target.name)
        if self._clock.now() - started_at > _LONGEST_PREPARATION:
            return _Result(NotifyFault.LATE)
        self._sending.add(key)
        try:
            sent = await self._transport(url, rendered, target, lambda: self._sending.discard(key))
        except TimeoutError:
            return _Result(NotifyFault.TIMEOUT)
        return _result(sent)

    async def _marks_of(self, target: NotifyTarget, event_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        if self._reached is None or len(target.urls) < 2:  # noqa: PLR2004 -- one has no others to wait for
            return {}
        for url in target.urls:
            key = target.name, url
            if key not in self._marks:
                self._marks[key] = await anyio.to_thread.run_sync(_mark, *key)
        return await self._reached.marks(target.name, event_ids)

    async def _keep_reached(
        self,
        target: NotifyTarget,
        event_ids: Collection[str],
        reached: Mapping[str, frozenset[str]],
        results: Mapping[str, "_Result"],
    ) -> None:
        """Note who has it if somebody has not. What cannot be noted is repeated to all by the next attempt."""
        if self._reached is None:
            return
        try:
            if all(one.fault is None for one in results.values()):
                if reached:
                    await self._reached.forget(target.name, event_ids)
                return
            for url, one in results.items():
                if one.fault is None:
                    await self._reached.add(target.name, event_ids, self._marks[target.name, url], self._clock.now())
        except StoreUnavailable as error:
            _log.warning("notification.unnoted", endpoint=target.name, error=str(error))


@dataclass(frozen=True, slots=True)
class _Result:
    fault: NotifyFault | None = None
    detail: str | None = None


def _result(sent: services.Result) -> _Result:
    if sent.sent:
        return _Result()
    if sent.refused is not None:
        return _Result(NotifyFault.ADDRESS_REFUSED, f"notifications may not {sent.refused}")
    return _Result(NotifyFault.NOT_SENT, sent.detail)


def _read(body: bytes) -> EventFacts | None:
    try:
        return read_event(body)
    except (InvalidAnswer, KeyError, ValueError, TypeError, AttributeError):
        return None


def _said(
    events: Mapping[str, EventFacts | None], now: datetime, public_url: str | None, *, as_digest: bool
) -> Message | Digest:
    known = [event for event in events.values() if event is not None]
    if not as_digest:
        return message(known[0], now, public_url)
    return digest(known, now, public_url, [event_id for event_id, event in events.items() if event is None])


def _receipt(
    target: NotifyTarget, results: Mapping[str, _Result], duration: timedelta, started_at: datetime
) -> Receipt:
    failed = [(url, results[url]) for url in target.urls if results[url].fault is not None]
    if not failed:
        return Receipt(Outcome.DELIVERED, started_at, duration)
    # What may still work is tried again; what the guard refuses waits for another configuration.
    url, first = next((one for one in failed if one[1].fault is not NotifyFault.ADDRESS_REFUSED), failed[0])
    is_blocked = first.fault is NotifyFault.ADDRESS_REFUSED
    return Receipt(
        Outcome.BLOCKED if is_blocked else Outcome.RETRY,
        started_at,
        duration,
        error=first.fault,
        detail=f"{scheme_of(url)}: {first.detail}" if first.detail else scheme_of(url),
    )


def _mark(name: str, url: str) -> str:
    """So expensive to compute that nobody guesses a short password in a URL from it."""
    return hashlib.scrypt(url.encode(), salt=name.encode(), n=2**14, r=8, p=1, dklen=8).hex()
