"""What was sent and what was received, compared event by event."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from watcher.ports import FoundBy, Item
from watcher.sandbox import Delivery


@dataclass(frozen=True, slots=True)
class Sent:
    """One recorded event. Those that concern no invoice have neither source nor id."""

    type: str
    source: str = ""
    invoice_id: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """`sent` are the recorded events, by id; `verified` has each event once.

    `hinted` are the changes that hints led to: the seconds from the provider's time of each to its poll, None if it has
    no time.
    """

    sent: Mapping[str, Sent]
    arrived: Sequence[Delivery]
    verified: Sequence[Delivery]
    hinted: Sequence[float | None] = ()

    @property
    def received(self) -> dict[str, str]:
        return {delivery.id: delivery.type for delivery in self.verified}

    @property
    def lost(self) -> int:
        return len(self.sent.keys() - self.received.keys())

    @property
    def duplicates(self) -> int:
        return sum(delivery.duplicate for delivery in self.arrived)

    @property
    def is_complete(self) -> bool:
        """Every recorded event arrived, nothing else did, and every signature was right."""
        sent = {event_id: event.type for event_id, event in self.sent.items()}
        return sent == self.received and all(delivery.verified for delivery in self.arrived)

    def by_invoice(self) -> dict[tuple[str, str], list[str]]:
        """By source and invoice id, both empty for events that concern no invoice: the ids of its events, in order."""
        grouped: dict[tuple[str, str], list[str]] = {}
        for event_id, event in self.sent.items():
            grouped.setdefault((event.source, event.invoice_id), []).append(event_id)
        return grouped


def sent_events(recorded: Iterable[Item]) -> dict[str, Sent]:
    """`Tally.sent` of these events."""
    return dict(map(_sent, recorded))


def hinted(recorded: Iterable[Item]) -> list[float | None]:
    """`Tally.hinted` of these events."""
    return [_delay(event) for event in recorded if event["found_by"] == FoundBy.HINT.value]


def _sent(event: Item) -> tuple[str, Sent]:
    data = cast("Mapping[str, str]", event["data"])
    return data["event_id"], Sent(str(event["type"]), data.get("source") or "", data.get("invoice_id") or "")


def _delay(event: Item) -> float | None:
    happened = cast("Mapping[str, str | None]", event["data"]).get("occurred_at")
    if happened is None:
        return None
    return (datetime.fromisoformat(str(event["timestamp"])) - datetime.fromisoformat(happened)).total_seconds()
