"""Compares what arrived with what happened, when all is calm again."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import anyio

from tests.simulation import message_account
from tests.simulation.disk import opened
from tests.simulation.files import ALWAYS, LEDGER, PICKY, RATES, SOMETIMES, WITH_MESSAGES
from tests.simulation.invoices import Bill
from tests.simulation.loop import BEGINS_AT
from tests.simulation.messages import Messages
from tests.simulation.monitor import Monitor
from tests.simulation.network import World

Body = dict[str, Any]
_MAY_BE_OVERTAKEN = {"invoice.due_soon"}
_SETTLING_SECONDS = 6 * 3600
"""After the faults have ended, what waits for another attempt comes first."""
_SOON_SECONDS = 60
_HEARD_SECONDS = 3 * 3600
"""The poller claims every half hour here, and every second in the world; when others are due, the rate lets it take one
at a time. Without hints an invoice is polled every six hours.
"""
_EARLY = timedelta(minutes=6)
"""Our clock may be five minutes ahead of the providers'."""
_ASKED_JUST_NOW = timedelta(minutes=1)
_BY_CLOCK = {"invoice.due_soon", "invoice.overdue", "invoice.overdue_reminder"}


@dataclass(frozen=True, slots=True)
class Event:
    """What arrived first of an event. `at` is in seconds of true time."""

    at: float
    body: Body


def problems(world: World, monitor: Monitor, messages: Messages, calm_from: float) -> tuple[str, ...]:
    """Every broken promise, in a sentence. The first day after `calm_from` invoices still change, and nothing fails."""
    found: list[str] = []
    by_endpoint = {name: _first_arrivals(world, name) for name in (LEDGER, PICKY)}
    first = by_endpoint[LEDGER]
    events = _by_invoice(first)
    with closing(opened(monitor.file)) as database:
        unsent = _superseded(database)
        for key, bill in world.ledger.bills.items():
            found += _of_invoice(bill, events.get(key, []), unsent.get(key, set()), world.clock.now().date())
        found += _stuck(database)
        found += _versions(database)
        found += monitor.recorded(database)
        found += message_account.problems(messages, events, database, anyio.current_time())
    found += _bodies(world)
    found += _picky(by_endpoint[PICKY], first)
    found += _early(first)
    found += _budgets(world)
    found += _slow(world, calm_from)
    found += world.mistakes
    found += message_account.one_each_period(messages, calm_from + _SETTLING_SECONDS, calm_from + 86400)
    found += _unheard(world, calm_from)
    return tuple(found)


def _unheard(world: World, calm_from: float) -> Iterable[str]:
    """A poll follows each accepted hint, soon where nothing fails."""
    for at, invoice_id in world.hinted:
        if invoice_id == "unknown" or at < calm_from + _SETTLING_SECONDS:
            continue
        waits = [polled - at for polled in world.polled.get(invoice_id, []) if polled >= at]
        if min(waits, default=_HEARD_SECONDS + 1) > _HEARD_SECONDS:
            yield f"a hint about {invoice_id} at {at:.0f} was followed by no poll within {_HEARD_SECONDS} s"


def _first_arrivals(world: World, endpoint: str) -> dict[str, Event]:
    """By id, in the order of their first arrivals."""
    found: dict[str, Event] = {}
    for one in world.arrivals:
        if one.endpoint == endpoint and one.event_id not in found:
            found[one.event_id] = Event(one.at, json.loads(one.body))
    return found


def _by_invoice(first: Mapping[str, Event]) -> dict[tuple[str, str], list[Body]]:
    found: dict[tuple[str, str], list[Body]] = defaultdict(list)
    for event in first.values():
        if "invoice_id" in event.body["data"]:
            found[_key(event.body["data"])].append(event.body)
    return found


def _bodies(world: World) -> Iterable[str]:
    known: dict[str, bytes] = {}
    for one in world.arrivals:
        if known.setdefault(one.event_id, one.body) != one.body:
            yield f"{one.event_id} came with another body"


def _picky(picky: Mapping[str, Event], ledger: Mapping[str, Event]) -> Iterable[str]:
    """It gets what its settings say, in the order of the sequences."""
    for event_id, event in picky.items():
        if event.body["type"] not in {*ALWAYS, *SOMETIMES}:
            yield f"picky got {event_id}, which is {event.body['type']}"
    for event_id, event in ledger.items():
        if event.body["type"] in ALWAYS and event_id not in picky:
            yield f"picky did not get {event_id}, which is {event.body['type']}"
    for key, events in _by_invoice(picky).items():
        numbers = [body["data"]["sequence"] for body in events]
        if numbers != sorted(numbers):
            yield f"picky: sequences of {key} came as {numbers}"


def _early(first: Mapping[str, Event]) -> Iterable[str]:
    """What the clock causes is not sent before its hour, unless no provider could be asked for the time."""
    for event in first.values():
        data = event.body["data"]
        if event.body["type"] not in _BY_CLOCK or data["snapshot_at"] is None:
            continue
        recorded_at, asked_at = (datetime.fromisoformat(one) for one in (event.body["timestamp"], data["snapshot_at"]))
        early = datetime.fromisoformat(data["occurred_at"]) - (BEGINS_AT + timedelta(seconds=event.at))
        if early > _EARLY and abs(recorded_at - asked_at) < _ASKED_JUST_NOW:
            yield f"{event.body['type']} of {_key(data)} came {early} before its hour"


def _superseded(database: sqlite3.Connection) -> dict[tuple[str, str], set[int]]:
    """The sequences of warnings that were overtaken before they arrived, which the contract allows, by invoice."""
    query = """SELECT events.full, events.type FROM deliveries JOIN events ON events.cursor = deliveries.cursor
    WHERE deliveries.state = 'superseded'"""
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for body, kind in database.execute(query):
        if kind in _MAY_BE_OVERTAKEN:
            data = json.loads(body)["data"]
            found[_key(data)].add(data["sequence"])
    return found


def _key(data: Body) -> tuple[str, str]:
    return data["source"], data["invoice_id"]


def _of_invoice(bill: Bill, events: list[Body], unsent: set[int], today: date) -> Iterable[str]:
    name = f"{bill.source} {bill.id}"
    numbers = [event["data"]["sequence"] for event in events]
    last = max({*numbers, *unsent}, default=0)
    if numbers != [number for number in range(1, last + 1) if number in numbers or number not in unsent]:
        yield f"{name}: sequences came as {numbers}"
    if not events:
        if bill.is_hidden:
            return
        yield f"{name}: nothing was ever said of it"
        return
    yield from _in_time(name, bill, events)
    last_shown = _shown(events[-1]["data"]["invoice"])
    if not bill.hidden_at and any(event["type"] == "invoice.deleted" for event in events):
        yield f"{name}: told as deleted, and it was never away"
    if bill.hidden_at and (bill.is_hidden or last_shown["status"] == "deleted"):
        if bill.is_hidden and bill.hidden_at.date() < today - timedelta(days=2) and last_shown["status"] != "deleted":
            yield f"{name}: away since {bill.hidden_at}, which was never told"
    elif not _matches(last_shown, bill.now.document):
        yield f"{name}: it is {bill.now.document}, and the last that was said is {last_shown}"
    yield from _overdue(name, bill, events, today)


def _in_time(name: str, bill: Bill, events: list[Body]) -> Iterable[str]:
    """What is told of an invoice are its states, in their order: none that it never had, and none again from before."""
    reached = 0
    for event in events:
        shown = _shown(event["data"]["invoice"])
        matching = [place for place, one in enumerate(bill.versions) if _matches(shown, one.document)]
        if not matching:
            yield f"{name}: {event['type']} shows a state that it never had: {shown}"
            return
        later = [place for place in matching if place >= reached]
        if not later:
            yield f"{name}: {event['type']} goes back to an earlier state: {shown}"
            return
        reached = later[0]


def _overdue(name: str, bill: Bill, events: list[Body], today: date) -> Iterable[str]:
    told = [event["data"]["invoice"]["due_on"] for event in events if event["type"] == "invoice.overdue"]
    if len(told) != len(set(told)):
        yield f"{name}: overdue twice for one due date: {told}"
    last = events[-1]["data"]["invoice"]
    if last["status"] == "deleted" or bill.is_hidden:
        return
    is_owed = bill.now.status == "open" and bill.now.paid < bill.now.total
    due_on = bill.now.due_on
    if last["overdue"] and not is_owed:
        yield f"{name}: called overdue, and nobody owes it"
    if is_owed and due_on < today - timedelta(days=2) and not (last["overdue"] and due_on.isoformat() in told):
        yield f"{name}: overdue since {due_on}, which was told for {told} only"


def _slow(world: World, calm_from: float) -> Iterable[str]:
    """Where nothing fails, what is recorded is sent at once."""
    waits = [
        one.at - (datetime.fromisoformat(json.loads(one.body)["timestamp"]) - BEGINS_AT).total_seconds()
        for one in world.arrivals
        if calm_from + _SETTLING_SECONDS < one.at < calm_from + 86400
    ]
    if waits and median(waits) > _SOON_SECONDS:
        yield f"events wait {median(waits):.0f} s before they are sent"


def _versions(database: sqlite3.Connection) -> Iterable[str]:
    query = "SELECT watch_id, COUNT(*), MAX(version) FROM snapshots GROUP BY watch_id"
    for watch, count, newest in database.execute(query):
        if count != newest:
            yield f"watch {watch} has {count} snapshots, and the newest has version {newest}"


def _shown(invoice: Body) -> Body:
    amounts = invoice["amounts"][0]
    cents = {key: int(amounts[key].replace(".", "")) for key in ("total", "paid")}
    return {"status": invoice["status"], "due_on": invoice["due_on"], **cents}


def _matches(shown: Body, document: Body) -> bool:
    status = {"partially_paid": "open", "deleted": document["status"]}.get(shown["status"], shown["status"])
    return shown | {"status": status} == {key: document[key] for key in shown}


def _budgets(world: World) -> Iterable[str]:
    """No window of time has more requests than the rate allows, and one second's worth."""
    for source, times in world.requests.items():
        rate, level, last = RATES[source], 0.0, 0.0
        for at in times:
            level = max(0.0, level - (at - last) * rate) + 1
            last = at
            if level > rate + 1.001:
                yield f"{source}: more requests than {rate}/s at {at:.3f}"
                break


def _stuck(database: sqlite3.Connection) -> Iterable[str]:
    for endpoint, state, count in database.execute("SELECT endpoint, state, COUNT(*) FROM deliveries GROUP BY 1, 2"):
        if state not in {"delivered", "superseded"} and endpoint not in WITH_MESSAGES:
            yield f"{count} deliveries are {state}"
    leased = database.execute("SELECT COUNT(*) FROM watches WHERE lease_ends_at IS NOT NULL").fetchone()[0]
    if leased:
        yield f"{leased} watches are still leased"
    asked = [
        row[0] for row in database.execute("SELECT asked_at FROM watches WHERE settled_at IS NULL AND state = 'active'")
    ]
    if asked and max(asked) - min(asked) > 86400 * 1_000_000:
        yield "an open invoice was not polled for a day"
    cursors = [row[0] for row in database.execute("SELECT cursor FROM events ORDER BY cursor")]
    if any(later <= earlier for earlier, later in pairwise(cursors)):
        yield "cursors do not grow"
    newest = database.execute("SELECT value FROM counters WHERE name = 'cursor'").fetchone()[0]
    if cursors and newest != cursors[-1]:
        yield f"the newest cursor is {cursors[-1]}, and the counter says {newest}"
