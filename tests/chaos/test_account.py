"""The account itself: whatever goes wrong is reported, and nothing else."""

import json
from collections import Counter
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import pytest

from tests.chaos.account import Account, Event, Evidence, account
from tests.chaos.budget import Budget, Stalls, exceeded
from watcher.sandbox import Delivery

NOTHING = Counter[str]()
STATE: dict[str, Any] = {"status": "paid"}


def event(sequence: int, before: str | None = None, after: str = "open", **more: object) -> Event:
    changes = [] if before is None else [{"field": "status", "before": before, "after": after}]
    data = {"event_id": f"evt_{sequence}", "sequence": sequence, "invoice_id": "inv_1", "changes": changes} | more
    return {"type": "invoice.updated", "data": data, "cursor": str(sequence)}


def delivery(recorded: Event) -> Delivery:
    body = json.dumps({key: recorded[key] for key in ("type", "data")}).encode()
    return Delivery(
        id=recorded["data"]["event_id"],
        type=recorded["type"],
        body=body,
        verified=True,
        arrived_at=0.0,
        path="/ledger",
        duplicate=False,
    )


HISTORY = [event(1), event(2, "open", "partially_paid"), event(3, "partially_paid", "paid")]
GOOD = [delivery(one) for one in HISTORY]


def accounted(
    history: list[Event],
    deliveries: list[Delivery],
    *,
    newest: dict[str, Any] | None = None,
    in_flight: Counter[str] = NOTHING,
    unanswered: Counter[str] = NOTHING,
) -> Account:
    digests: dict[str, set[bytes]] = {}
    for one in deliveries:
        digests.setdefault(one.id, set()).add(blake2b(one.body).digest())
    final = {"inv_1": STATE}
    return account(
        Evidence(
            history=history,
            deliveries=deliveries,
            digests=digests,
            final=final,
            newest=final if newest is None else newest,
            in_flight=in_flight,
            unanswered=unanswered,
        )
    )


def test_all_is_well_when_each_event_arrived_once_and_in_order() -> None:
    found = accounted(HISTORY, GOOD)
    assert found.problems == ()
    assert (found.events, found.duplicates) == (3, 0)


def test_an_event_that_never_arrived_is_lost() -> None:
    assert accounted(HISTORY, GOOD[:2]).lost == ("evt_3 (invoice.updated of inv_1) never arrived",)


def test_an_invoice_whose_last_state_was_not_sent_is_lost() -> None:
    (sentence,) = accounted(HISTORY, GOOD, newest={"inv_1": {"status": "open"}}).lost
    assert sentence == "inv_1 is {'status': 'paid'}, and its newest event says {'status': 'open'}"
    (sentence,) = accounted(HISTORY, GOOD, newest={}).lost
    assert sentence.endswith("says None")


def test_an_event_that_the_history_does_not_know_has_a_second_id() -> None:
    unknown = delivery(event(4, event_id="evt_other"))
    assert accounted(HISTORY, [*GOOD, unknown]).second_ids == ("evt_other arrived and is not in the history",)


def test_one_change_in_two_events_has_a_second_id() -> None:
    again = event(4, "partially_paid", "paid")
    (sentence,) = accounted([*HISTORY, again], [*GOOD, delivery(again)]).second_ids
    assert sentence == "inv_1: invoice.updated evt_4 changes status from 'partially_paid', and it was 'paid'"


def test_two_events_of_one_sequence_have_a_second_id() -> None:
    twin = event(3, event_id="evt_twin")
    found = accounted([*HISTORY, twin], [*GOOD, delivery(twin)])
    assert "inv_1 has two events of sequence 3" in found.second_ids
    assert found.disordered == ("the history of inv_1 has the sequences [1, 2, 3, 3]",)


def test_first_arrivals_must_come_in_order_and_repetitions_need_not() -> None:
    assert accounted(HISTORY, [GOOD[0], GOOD[2], GOOD[1]]).disordered == ("the events of inv_1 arrived as [1, 3, 2]",)
    assert accounted(HISTORY, [*GOOD, GOOD[0]], in_flight=Counter({"evt_1": 1})).problems == ()


def test_a_gap_in_the_history_is_reported() -> None:
    gap = [HISTORY[0], HISTORY[2]]
    assert "the history of inv_1 has the sequences [1, 3]" in accounted(gap, [GOOD[0], GOOD[2]]).disordered


def test_a_body_that_changed_is_reported() -> None:
    other = replace(GOOD[1], body=GOOD[1].body.replace(b"open", b"paid"))
    found = accounted(HISTORY, [*GOOD, other], in_flight=Counter({"evt_2": 1}))
    assert "evt_2 came with 2 bodies" in found.changed_bodies
    (sentence,) = accounted(HISTORY, [GOOD[0], other, GOOD[2]]).changed_bodies
    assert sentence == "evt_2 came with another body than the history has"


def test_a_repetition_needs_a_reason() -> None:
    (sentence,) = accounted(HISTORY, [*GOOD, GOOD[1]]).others
    assert sentence == "evt_2 was taken 2 times, and 0 repetitions have a reason"
    found = accounted(HISTORY, [*GOOD, GOOD[1]], unanswered=Counter({"evt_2": 1}))
    assert (found.problems, found.duplicates, found.in_flight) == ((), 1, 1)


def test_a_wrong_signature_is_reported() -> None:
    found = accounted(HISTORY, [replace(GOOD[0], verified=False), *GOOD])
    assert found.others == ("the signature of evt_1 is wrong",)


def test_overdue_twice_for_one_due_date_is_reported() -> None:
    late = [event(number, invoice={"due_on": "2026-01-01"}) | {"type": "invoice.overdue"} for number in (1, 2)]
    found = accounted(late, [delivery(one) for one in late])
    assert found.others == ("inv_1 is overdue 2 times for 2026-01-01",)


@pytest.mark.parametrize(("gap", "is_kept"), [(0.1, True), (0.09, False)])
def test_requests_faster_than_the_rate_are_reported(gap: float, *, is_kept: bool) -> None:
    found = exceeded(Budget("acme", 10, 11), [100 + number * gap for number in range(200)], Stalls())
    assert (found == []) is is_kept


def test_a_burst_is_reported_unless_the_server_was_stalled_or_it_was_granted() -> None:
    burst = [100.0] * 14
    assert len(exceeded(Budget("acme", 10, 11), burst, Stalls())) == 3
    assert exceeded(Budget("acme", 10, 11), burst, Stalls([(100.1, 0.5)])) == []
    assert exceeded(Budget("acme", 10, 11, [(100.0, 3.0)]), burst, Stalls()) != []
    assert exceeded(Budget("acme", 10, 11, [(100.5, 3.0)]), [*burst[:11], *([100.6] * 4)], Stalls()) == []
