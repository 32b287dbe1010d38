"""Webhooks of the simulated provider: late, twice, out of order, never, forged, about nothing, and genuine."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import ObjectReceiveStream

from tests.simulation.files import HINT_TOKEN, HINTED
from tests.simulation.network import World
from tests.simulation.processes import current
from watcher.daemon.service import Service
from watcher.ports import HintOutcome, HintRequest

_LOST_SHARE, _FORGED_SHARE, _TWICE_SHARE, _UNKNOWN_SHARE = 0.2, 0.2, 0.2, 0.1
_LATE_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Hint:
    """One webhook, sent at `at` in seconds of true time."""

    at: float
    invoice_id: str
    token: str


@dataclass
class Hints:
    """What the provider sends reaches every process that runs then; nobody repeats what none took."""

    world: World
    note: Callable[[str], None]
    listeners: list["anyio.abc.ObjectSendStream[Hint]"] = field(
        default_factory=list["anyio.abc.ObjectSendStream[Hint]"]
    )

    async def announce(self, source: str, invoice_id: str, *, is_calm: bool) -> None:
        """Send the webhook about a change; when it is calm, at once and whole."""
        rng = self.world.rng
        if source != HINTED or (not is_calm and rng.random() < _LOST_SHARE):
            return
        if not is_calm:
            await anyio.sleep(rng.random() ** 4 * _LATE_SECONDS)
        forged = not is_calm and rng.random() < _FORGED_SHARE
        unknown = not is_calm and rng.random() < _UNKNOWN_SHARE
        hint = Hint(anyio.current_time(), "unknown" if unknown else invoice_id, "guessed" if forged else HINT_TOKEN)
        for _ in range(2 if rng.random() < _TWICE_SHARE else 1):
            for listener in list(self.listeners):
                await listener.send(hint)

    async def serve(self, service: Service) -> None:
        """Take what comes while this process lives."""
        send, receive = anyio.create_memory_object_stream[Hint](100)
        self.listeners.append(send)
        try:
            await self._take(service, receive)
        finally:
            self.listeners.remove(send)
            send.close()

    async def _take(self, service: Service, receive: ObjectReceiveStream[Hint]) -> None:
        async with receive:
            async for hint in receive:
                body = json.dumps({"invoice_id": hint.invoice_id}).encode()
                headers = {"authorization": f"Bearer {hint.token}"}
                now = self.world.clock.now()
                request = HintRequest("https://hooks.example.com/hints/plain", headers, body, now)
                receipt = await service.hints.take(HINTED, request)
                self.note(f"hint about {hint.invoice_id}: {receipt.outcome.value}")
                if (receipt.outcome is HintOutcome.REFUSED) is (hint.token == HINT_TOKEN):
                    self.world.mistakes.append(f"a hint with the token {hint.token} was {receipt.outcome.value}")
                if receipt.outcome is HintOutcome.ACCEPTED and not current().is_dead:
                    self.world.hinted.append((anyio.current_time(), hint.invoice_id))
