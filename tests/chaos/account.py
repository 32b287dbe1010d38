"""Compares what the receiver got with the history and with the truth, when all is calm again. Pure functions."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from watcher.sandbox import Delivery

Event = dict[str, Any]
State = dict[str, Any]


_NO_PART_OF_A_BODY = frozenset({"cursor", "found_by"})
"""What `events --json` adds to each."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`history` is what `events --json` printed, `deliveries` what the receiver has taken, in order.

    `final` and `newest` are the state of each invoice, in truth and by its newest event. `in_flight` counts for each
    event how often it was leased when something was killed, frozen or cut off; `unanswered` the requests about it that
    got no good answer: as often it may come again. `over_budget` are the sentences of `exceeded`.
    """

    history: Sequence[Event]
    deliveries: Sequence[Delivery]
    digests: Mapping[str, set[bytes]]
    final: Mapping[str, State]
    newest: Mapping[str, State]
    in_flight: Counter[str] = field(default_factory=Counter[str])
    unanswered: Counter[str] = field(default_factory=Counter[str])
    over_budget: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """Each of the sequences has a sentence for each broken promise."""

    events: int = 0
    duplicates: int = 0
    in_flight: int = 0
    lost: tuple[str, ...] = ()
    second_ids: tuple[str, ...] = ()
    disordered: tuple[str, ...] = ()
    changed_bodies: tuple[str, ...] = ()
    over_budget: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    messages: int = 0
    untold: tuple[str, ...] = ()
    """What people were not told, or twice without a reason, or out of order."""

    @property
    def problems(self) -> tuple[str, ...]:
        parts = (
            self.lost,
            self.second_ids,
            self.disordered,
            self.changed_bodies,
            self.over_budget,
            self.others,
            self.untold,
        )
        return tuple(sentence for part in parts for sentence in part)


def account(evidence: Evidence) -> Account:
    recorded = {event["data"]["event_id"]: event for event in evidence.history}
    taken = [delivery for delivery in evidence.deliveries if delivery.verified]
    arrivals = Counter(delivery.id for delivery in taken)
    return Account(
        events=len(recorded),
        duplicates=arrivals.total() - len(arrivals),
        in_flight=evidence.in_flight.total() + evidence.unanswered.total(),
        lost=(*_lost(recorded, arrivals), *_not_shown(evidence)),
        second_ids=tuple(_second_ids(recorded, taken)),
        disordered=tuple(_disordered(recorded, taken)),
        changed_bodies=tuple(_changed_bodies(evidence, recorded, taken)),
        over_budget=tuple(evidence.over_budget),
        others=(*_unverified(evidence.deliveries), *_too_often(evidence, arrivals), *_overdue_twice(recorded.values())),
    )


def _lost(recorded: Mapping[str, Event], arrivals: Counter[str]) -> Iterator[str]:
    for event_id, event in recorded.items():
        if event_id not in arrivals:
            yield f"{event_id} ({event['type']} of {event['data'].get('invoice_id')}) never arrived"


def _not_shown(evidence: Evidence) -> Iterator[str]:
    for invoice_id, state in evidence.final.items():
        if evidence.newest.get(invoice_id) != state:
            yield f"{invoice_id} is {state}, and its newest event says {evidence.newest.get(invoice_id)}"


def _by_invoice(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if "sequence" in event["data"]:
            found[event["data"]["invoice_id"]].append(event)
    return {one: sorted(events, key=lambda event: event["data"]["sequence"]) for one, events in found.items()}


def _second_ids(recorded: Mapping[str, Event], taken: Sequence[Delivery]) -> Iterator[str]:
    for unknown in sorted({delivery.id for delivery in taken} - recorded.keys()):
        yield f"{unknown} arrived and is not in the history"
    for invoice_id, events in _by_invoice(recorded.values()).items():
        for before, after in pairwise(events):
            if before["data"]["sequence"] == after["data"]["sequence"]:
                yield f"{invoice_id} has two events of sequence {after['data']['sequence']}"
        known: State = {}
        for event in events:
            for change in event["data"]["changes"]:
                if known.get(change["field"], change["before"]) != change["before"]:
                    what = f"{change['field']} from {change['before']!r}, and it was {known[change['field']]!r}"
                    yield f"{invoice_id}: {event['type']} {event['data']['event_id']} changes {what}"
                known[change["field"]] = change["after"]


def _disordered(recorded: Mapping[str, Event], taken: Sequence[Delivery]) -> Iterator[str]:
    for invoice_id, events in _by_invoice(recorded.values()).items():
        numbers = [event["data"]["sequence"] for event in events]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"the history of {invoice_id} has the sequences {numbers}"
    firsts: dict[str, bytes] = {}
    for delivery in taken:
        firsts.setdefault(delivery.id, delivery.body)
    arrived: dict[str, list[int]] = defaultdict(list)
    for body in firsts.values():
        data = json.loads(body)["data"]
        if "sequence" in data:
            arrived[data["invoice_id"]].append(data["sequence"])
    for invoice_id, numbers in arrived.items():
        if numbers != sorted(numbers):
            yield f"the events of {invoice_id} arrived as {numbers}"


def _changed_bodies(evidence: Evidence, recorded: Mapping[str, Event], taken: Sequence[Delivery]) -> Iterator[str]:
    for event_id, digests in evidence.digests.items():
        if len(digests) > 1:
            yield f"{event_id} came with {len(digests)} bodies"
    for event_id, body in {one.id: one.body for one in taken}.items():
        event = recorded.get(event_id)
        if event is not None and json.loads(body) != {
            key: event[key] for key in event if key not in _NO_PART_OF_A_BODY
        }:
            yield f"{event_id} came with another body than the history has"


def _unverified(deliveries: Sequence[Delivery]) -> Iterator[str]:
    return (f"the signature of {delivery.id} is wrong" for delivery in deliveries if not delivery.verified)


def _too_often(evidence: Evidence, arrivals: Counter[str]) -> Iterator[str]:
    for event_id, count in arrivals.items():
        allowed = 1 + evidence.in_flight[event_id] + evidence.unanswered[event_id]
        if count > allowed:
            yield f"{event_id} was taken {count} times, and {allowed - 1} repetitions have a reason"


def _overdue_twice(events: Iterable[Event]) -> Iterator[str]:
    counted = Counter(
        (event["data"]["invoice_id"], event["data"]["invoice"]["due_on"])
        for event in events
        if event["type"] == "invoice.overdue"
    )
    return (
        f"{invoice_id} is overdue {count} times for {due}" for (invoice_id, due), count in counted.items() if count > 1
    )
