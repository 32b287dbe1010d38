"""A receiver with bad hours: it refuses, hangs, resets connections, and loses the answers for what it has taken."""

import json
import time
from collections import Counter, defaultdict, deque
from enum import StrEnum
from hashlib import blake2b
from typing import Any

import anyio
from aiohttp import web

from watcher.sandbox import Receiver

_HANG_SECONDS = 30


class Mood(StrEnum):
    """What one request gets instead of its answer."""

    ERROR = "500"
    HANG = "hang"
    RESET = "reset"
    LOST = "lost"
    """It is taken, and the answer never arrives."""


class MoodyReceiver(Receiver):
    """`deliveries` are what it has taken; `newest` is the event of the highest sequence among them, by invoice.

    `digests` has those of all bodies of an event, and `unanswered` how many of its requests got no 204.
    """

    def __init__(self) -> None:
        super().__init__()
        self._moods: deque[tuple[Mood, float]] = deque()
        self.newest: dict[str, dict[str, Any]] = {}
        self.unanswered: Counter[str] = Counter()
        self.digests: defaultdict[str, set[bytes]] = defaultdict(set)
        self.taken: set[str] = set()
        self.asked_at: list[float] = []

    def storm(self, mood: Mood, times: int, seconds: float) -> None:
        """Treat the next requests so, but none that comes later than that."""
        self._moods.extend([(mood, time.monotonic() + seconds)] * times)

    def calm_down(self) -> None:
        self._moods.clear()

    def _mood(self) -> Mood | None:
        while self._moods:
            mood, ends_at = self._moods.popleft()
            if time.monotonic() < ends_at:
                return mood
        return None

    async def _receive(self, request: web.Request) -> web.Response:
        self.asked_at.append(time.monotonic())
        mood = self._mood()
        event_id, body = request.headers.get("webhook-id", ""), await request.read()
        self.digests[event_id].add(blake2b(body, digest_size=16).digest())
        if mood is not None:
            self.unanswered[event_id] += 1
        if mood in {None, Mood.LOST}:
            response = await super()._receive(request)
            self._note(event_id, body)
            if mood is None:
                return response
        if mood is Mood.HANG:
            await anyio.sleep(_HANG_SECONDS)
        if mood in {Mood.RESET, Mood.LOST} and request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _note(self, event_id: str, body: bytes) -> None:
        if event_id in self.taken:
            return
        self.taken.add(event_id)
        event = json.loads(body)
        invoice_id = event["data"].get("invoice_id")
        known = self.newest.get(invoice_id)
        if invoice_id and (known is None or known["data"]["sequence"] < event["data"]["sequence"]):
            self.newest[invoice_id] = event
