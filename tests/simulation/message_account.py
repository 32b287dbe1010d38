"""Compares the messages to people with the events that their notifications select."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests.fakes.message_order import explanations
from tests.fakes.message_text import KINDS
from tests.simulation.files import DESK, FINANCE, TEAM, WITH_MESSAGES
from tests.simulation.loop import BEGINS_AT
from tests.simulation.messages import Message, Messages

Body = dict[str, Any]
_CLOCKS_CHANGE = date(2026, 3, 8)
"""In New York, where 02:30 is skipped on that day: it is 03:30 then."""
_LATE = timedelta(minutes=45)
"""Digests are looked for every half hour here, and every second in the world."""
_WAITS = timedelta(hours=25)
"""No period is longer than a day."""


@dataclass(frozen=True, slots=True)
class Said:
    """An event that a notification selects."""

    kind: str
    recorded_at: datetime


def problems(
    messages: Messages, events: Mapping[tuple[str, str], Sequence[Body]], database: sqlite3.Connection, ends_at: float
) -> Iterable[str]:
    """`events` are those of each invoice in order, as an endpoint for all of them got them."""
    end = BEGINS_AT + timedelta(seconds=ends_at)
    everything = {key[1]: [_said(body) for body in bodies if body["type"] in KINDS] for key, bodies in events.items()}
    for name in (FINANCE, DESK, TEAM):
        wanted = _selected(database, TEAM) if name == TEAM else everything
        for url in sorted({one.url for one in messages.taken if one.name == name}):
            got = [one for one in messages.taken if (one.name, one.url) == (name, url)]
            yield from _told(name, wanted, got, end)
            yield from _repeated(name, url, wanted, got, messages)
    yield from _waiting(database, end)


def one_each_period(messages: Messages, calm_from: float, calm_until: float) -> Iterable[str]:
    """Where nothing fails, a digest comes soon after the end of its period, and no second one does."""
    periods: Counter[datetime] = Counter()
    for one in messages.taken:
        if one.name == FINANCE and calm_from < one.at < calm_until:
            ended_at = period_before(one.clock)
            periods[ended_at] += 1
            if one.clock - ended_at > _LATE:
                yield f"{FINANCE}: the digest of {ended_at} came at {one.clock}"
    yield from (f"{FINANCE}: {count} messages for {ended_at}" for ended_at, count in periods.items() if count > 1)


def period_before(at: datetime) -> datetime:
    """The last end of a period of `FINANCE`."""
    for days in range(3):
        day = at.date() - timedelta(days=days)
        hour = 7 if day <= _CLOCKS_CHANGE else 6
        if (end := datetime.combine(day, time(hour, 30), UTC)) <= at:
            return end
    raise AssertionError("a day has an end of a period")


def _said(body: Body) -> Said:
    return Said(body["type"], datetime.fromisoformat(body["timestamp"]))


def _selected(database: sqlite3.Connection, name: str) -> dict[str, list[Said]]:
    """Of the one whose settings change: what was in force when an event was recorded shows in its deliveries."""
    query = """SELECT watches.invoice_id, events.type, events.timestamp FROM deliveries
    JOIN events ON events.cursor = deliveries.cursor JOIN watches ON watches.id = events.watch_id
    WHERE deliveries.endpoint = ? ORDER BY events.cursor"""
    found: dict[str, list[Said]] = defaultdict(list)
    for invoice_id, kind, microseconds in database.execute(query, (name,)):
        found[invoice_id].append(Said(kind, datetime.fromtimestamp(microseconds / 1e6, UTC)))
    return found


def _told(name: str, wanted: Mapping[str, Sequence[Said]], got: Sequence[Message], end: datetime) -> Iterable[str]:
    """Each event is told, in order, and with a digest of days only after the end of its period."""
    by_invoice: dict[str, list[tuple[datetime, Counter[str]]]] = defaultdict(list)
    for one in got:
        of_message: dict[str, Counter[str]] = defaultdict(Counter)
        for (kind, invoice_id), times in one.facts.items():
            of_message[invoice_id][kind] += times
        for invoice_id, kinds in of_message.items():
            by_invoice[invoice_id].append((one.clock, kinds))
    for invoice_id in sorted({*wanted, *by_invoice}):
        expected = wanted.get(invoice_id, [])
        paths = explanations([said.kind for said in expected], by_invoice[invoice_id])
        if not paths:
            told = [dict(kinds) for _, kinds in by_invoice[invoice_id]]
            yield f"{name}: {invoice_id} has {[said.kind for said in expected]}, and people were told {told}"
            continue
        first_told = paths[max(paths)]
        if missing := [said for said in expected[len(first_told) :] if said.recorded_at < end - _WAITS]:
            yield f"{name}: {invoice_id}: people were never told {missing}"
        for said, clock in zip(expected, first_told, strict=False):
            if name == FINANCE and said.recorded_at > period_before(clock):
                yield f"{name}: {invoice_id}: {said} was told at {clock}, before its period had ended"


def _repeated(
    name: str, url: str, wanted: Mapping[str, Sequence[Said]], got: Sequence[Message], messages: Messages
) -> Iterable[str]:
    told: Counter[tuple[str, str]] = Counter()
    for one in got:
        told.update(one.facts)
    for (kind, invoice_id), times in sorted(told.items()):
        once = sum(said.kind == kind for said in wanted.get(invoice_id, ()))
        excused = messages.repeats[name, url, kind, invoice_id]
        if times > once + excused:
            yield f"{name}: {kind} of {invoice_id} was told {times} times, happened {once} times, {excused} excused"


def _waiting(database: sqlite3.Connection, end: datetime) -> Iterable[str]:
    query = """SELECT deliveries.endpoint, deliveries.state, COUNT(*) FROM deliveries
    JOIN events ON events.cursor = deliveries.cursor
    WHERE deliveries.state NOT IN ('delivered', 'superseded') AND events.timestamp < ? GROUP BY 1, 2"""
    before = int((end - _WAITS).timestamp() * 1e6)
    for endpoint, state, count in database.execute(query, (before,)):
        if endpoint in WITH_MESSAGES:
            yield f"{endpoint}: {count} deliveries are {state}"
