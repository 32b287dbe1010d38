"""The bytes that subscribers receive: the body of Standard Webhooks 1.0."""

from datetime import datetime
from typing import cast

from watcher.core import json_text
from watcher.core.instants import instant_text
from watcher.core.invoices.event import EventType, watcher_event_id
from watcher.core.invoices.invoice import Snapshot
from watcher.core.invoices.snapshot import to_document
from watcher.core.invoices.transition import Event
from watcher.core.money import text
from watcher.core.value_object import value_object

FULL_LIMIT = 20_000
"""In bytes. A longer body is sent as a thin one with `"truncated": true`."""


@value_object
class Observation:
    """When a change was observed: after `observed_after`, at `observed_at`.

    `snapshot_at` is when the snapshot was taken.
    """

    observed_after: datetime | None
    observed_at: datetime
    snapshot_at: datetime


def full(event: Event, snapshot: Snapshot, seen: Observation, timestamp: datetime) -> bytes:
    document = _envelope(event, snapshot, seen, timestamp)
    return json_text.write(document)


def thin(full_body: bytes, *, truncated: bool) -> bytes:
    """The same event without `invoice` and `changes`. It is made from the full bytes, so both always agree."""
    document = cast("dict[str, object]", json_text.read(full_body))
    data = cast("dict[str, object]", document["data"])
    short = {key: value for key, value in data.items() if key not in {"invoice", "changes"}}
    return json_text.write(document | {"data": short | ({"truncated": True} if truncated else {})})


def about_source(
    event_type: EventType, *, source: str, provider: str, reason: str, since: datetime, now: datetime
) -> tuple[str, bytes]:
    """Id and bytes of `source.failing` and `source.recovered`. `since` is when the failure began."""
    event_id = watcher_event_id(event_type, source, instant_text(since))
    data: dict[str, object] = {
        "event_id": event_id, "occurred_at": instant_text(now), "source": source, "provider": provider,
        "reason": reason, "since": instant_text(since),
    }  # fmt: skip
    return event_id, json_text.write({"type": event_type.value, "timestamp": instant_text(now), "data": data})


def about_endpoint(
    event_type: EventType, *, endpoint: str, reason: str, since: datetime, now: datetime
) -> tuple[str, bytes]:
    """Id and bytes of `endpoint.disabled` and `endpoint.recovered`. In both, `since` is when it was disabled."""
    event_id = watcher_event_id(event_type, endpoint, instant_text(since))
    data: dict[str, object] = {
        "event_id": event_id, "occurred_at": instant_text(now), "endpoint": endpoint,
        "reason": reason, "since": instant_text(since),
    }  # fmt: skip
    return event_id, json_text.write({"type": event_type.value, "timestamp": instant_text(now), "data": data})


def _envelope(event: Event, snapshot: Snapshot, seen: Observation, timestamp: datetime) -> dict[str, object]:
    fact = event.fact
    data: dict[str, object] = {
        "event_id": event.id,
        "sequence": event.sequence,
        "source": snapshot.source,
        "provider": snapshot.provider,
        "invoice_id": snapshot.id,
        "occurred_at": _text(fact.occurred_at),
        "observed_after": _text(seen.observed_after),
        "observed_at": _text(seen.observed_at),
        "snapshot_at": _text(seen.snapshot_at),
        "inferred": fact.inferred,
        "reason": fact.reason,
        "delta": None
        if fact.delta is None
        else [{"currency": delta.currency, "amount": text(delta.amount)} for delta in fact.delta],
    }
    if fact.type is EventType.PAYMENT_FAILED:
        data["attempts_delta"] = fact.attempts_delta
    if fact.offset is not None:
        data["offset"] = fact.offset
    data["changes"] = [
        {"field": change.field, "before": change.before, "after": change.after} for change in fact.changes
    ]
    data["invoice"] = to_document(snapshot)
    return {"type": fact.type.value, "timestamp": instant_text(timestamp), "data": data}


def _text(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at)
