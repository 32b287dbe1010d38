"""Compares what arrived with what happened, when all is calm again."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.simulation.disk import opened
from tests.simulation.invoices import Bill
from tests.simulation.network import World

Body = dict[str, Any]
_MAY_BE_OVERTAKEN = {"invoice.due_soon"}
_RATES = {"acme": 2.0, "plain": 0.5}


def problems(world: World, file: Path) -> tuple[str, ...]:
    """Every broken promise, in a sentence."""
    first: dict[str, bytes] = {}
    events: dict[tuple[str, str], list[Body]] = defaultdict(list)
    found: list[str] = []
    for _, event_id, body in world.arrivals:
        if first.setdefault(event_id, body) != body:
            found.append(f"{event_id} came with another body")
        event = json.loads(body)
        data = event["data"]
        if "invoice_id" in data and not any(one["data"]["event_id"] == event_id for one in events[_key(data)]):
            events[_key(data)].append(event)
    with closing(opened(file)) as database:
        unsent = _superseded(database)
        for key, bill in world.ledger.bills.items():
            found += _of_invoice(bill, events.get(key, []), unsent.get(key, set()))
        found += _budgets(world)
        found += _stuck(database)
    return tuple(found)


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


def _of_invoice(bill: Bill, events: list[Body], unsent: set[int]) -> Iterable[str]:
    name = f"{bill.source} {bill.id}"
    numbers = [event["data"]["sequence"] for event in events]
    last = max({*numbers, *unsent}, default=0)
    if numbers != [number for number in range(1, last + 1) if number in numbers or number not in unsent]:
        yield f"{name}: sequences came as {numbers}"
    if not events:
        yield f"{name}: nothing was ever said of it"
        return
    for event in events:
        shown = _shown(event["data"]["invoice"])
        if not any(_matches(shown, version.document) for version in bill.versions):
            yield f"{name}: {event['type']} shows a state that it never had: {shown}"
    last_shown = _shown(events[-1]["data"]["invoice"])
    if not _matches(last_shown, bill.now.document) and not (last_shown["status"] == "deleted" and bill.hidden_at):
        yield f"{name}: it is {bill.now.document}, and the last that was said is {last_shown}"
    yield from _overdue(name, bill, events)


def _overdue(name: str, bill: Bill, events: list[Body]) -> Iterable[str]:
    told = [event["data"]["invoice"]["due_on"] for event in events if event["type"] == "invoice.overdue"]
    if len(told) != len(set(told)):
        yield f"{name}: overdue twice for one due date: {told}"
    is_owed = bill.now.status == "open" and bill.now.paid < bill.now.total
    if events[-1]["data"]["invoice"]["overdue"] != (is_owed and bill.now.due_on.isoformat() in told):
        yield f"{name}: overdue is {not is_owed}, and was told for {told}"


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
        rate, level, last = _RATES[source], 0.0, 0.0
        for at in times:
            level = max(0.0, level - (at - last) * rate) + 1
            last = at
            if level > rate + 1.001:
                yield f"{source}: more requests than {rate}/s at {at:.3f}"
                break


def _stuck(database: sqlite3.Connection) -> Iterable[str]:
    for state, count in database.execute("SELECT state, COUNT(*) FROM deliveries GROUP BY state"):
        if state not in {"delivered", "superseded"}:
            yield f"{count} deliveries are {state}"
    leased = database.execute("SELECT COUNT(*) FROM watches WHERE lease_ends_at IS NOT NULL").fetchone()[0]
    if leased:
        yield f"{leased} watches are still leased"
    asked = [row[0] for row in database.execute("SELECT asked_at FROM watches WHERE settled_at IS NULL")]
    if asked and max(asked) - min(asked) > 86400 * 1_000_000:
        yield "an open invoice was not polled for a day"
    cursors = [row[0] for row in database.execute("SELECT cursor FROM events ORDER BY cursor")]
    if any(later <= earlier for earlier, later in pairwise(cursors)):
        yield "cursors do not grow"
