"""What holds for every history, however the polls, the clock and the invoice move (property tests)."""

import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import NoReturn, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.invoices import DUE, START, Life, types
from watcher.core.invoices.body import Observation, full, thin
from watcher.core.invoices.diff import changes
from watcher.core.invoices.event import CLOCK_TYPES
from watcher.core.invoices.history_state import HistoryState, dumps, loads
from watcher.core.invoices.invoice import Amounts, Invoice, Status, read_status
from watcher.core.invoices.snapshot import from_document, to_document
from watcher.core.invoices.transition import Transition

cents = st.integers(0, 10**9).map(lambda units: Decimal(units).scaleb(-2))
rows = st.builds(
    Amounts,
    currency=st.sampled_from(["EUR", "USD"]),
    total=cents,
    paid=st.sampled_from([Decimal("0.00"), Decimal("5.00"), Decimal("9.99")]),
    due=st.sampled_from([Decimal("0.00"), Decimal("5.00")]),
    credited=st.sampled_from([Decimal("0.00"), Decimal("1.00")]),
    refunded=st.sampled_from([Decimal("0.00"), Decimal("2.00")]),
    written_off=st.just(Decimal("0.00")),
)
dues = st.sampled_from([None, DUE, DUE + timedelta(days=5), START + timedelta(days=8)])


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    amounts = {row.currency: row for row in draw(st.lists(rows, max_size=2))}
    recorded = tuple(amounts[currency] for currency in sorted(amounts))
    return Invoice(
        id="inv_1",
        status=read_status(draw(st.sampled_from(Status)), recorded),
        provider_status=draw(st.sampled_from(["A", "B"])),
        amounts=recorded,
        due=draw(dues),
        failed_attempts=draw(st.integers(0, 2)),
        payment_pending=draw(st.booleans()),
        finalized_at=draw(st.sampled_from([None, START])),
        line_count=draw(st.integers(0, 1)),
    )


steps = st.lists(st.tuples(st.floats(0, 60), st.one_of(st.none(), invoices()), st.booleans()), min_size=1, max_size=12)
"""(day, what the provider shows, None being a confirmed deletion; whether the clock is held). Days go to and fro."""

CATALOGUE: list[str] = [
    *("tracked", "restored", "finalized", "due_date_changed", "amount_changed", "credited", "payment_failed"),
    *("payment_pending", "partially_paid", "refunded", "payment_reversed", "reopened", "paid", "overpaid", "voided"),
    *("marked_uncollectible", "deleted", "updated", "overdue_cleared", "due_soon", "overdue", "overdue_reminder"),
]

thorough = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def lived(story: list[tuple[float, Invoice | None, bool]]) -> list[tuple[HistoryState, Transition]]:
    """(memory before, transition) of each step; the memory goes through its text as it does in the store."""
    life, recorded = Life(), list[tuple[HistoryState, Transition]]()
    for day, seen, held in story:
        before = life.memory
        if seen is not None:
            recorded.append((before, life.poll(seen, day=day, held=held)))
        elif before.snapshot is not None:
            recorded.append((before, life.lose(day=day)))
        life.memory = loads(dumps(life.memory))
    return recorded


@thorough
@given(steps)
def test_sequences_have_no_gap_and_ids_no_twin(story: list[tuple[float, Invoice | None, bool]]) -> None:
    events = [event for _, transition in lived(story) for event in transition.events]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len({event.id for event in events}) == len(events)


@thorough
@given(steps)
def test_each_changed_field_is_recorded_by_exactly_one_event(story: list[tuple[float, Invoice | None, bool]]) -> None:
    for before, transition in lived(story):
        if before.snapshot is None:
            continue
        recorded = Counter(change for event in transition.events for change in event.fact.changes)
        assert recorded == Counter(changes(before.snapshot, transition.snapshot))


@thorough
@given(steps)
def test_the_newest_event_reproduces_the_last_snapshot(story: list[tuple[float, Invoice | None, bool]]) -> None:
    newest: object = None
    for _, transition in lived(story):
        for event in transition.events:
            body = full(event, transition.snapshot, Observation(None, START, START), START)
            newest = json.loads(body)["data"]["invoice"]
        assert newest == to_document(transition.snapshot)


@thorough
@given(steps)
def test_clock_events_are_recorded_once_whatever_the_clock_does(
    story: list[tuple[float, Invoice | None, bool]],
) -> None:
    facts = [event.fact for _, transition in lived(story) for event in transition.events]
    recorded = Counter((fact.type, fact.due_key, fact.offset) for fact in facts if fact.type in CLOCK_TYPES)
    assert all(times == 1 for times in recorded.values())


@thorough
@given(steps)
def test_a_poll_repeated_after_a_crash_gives_the_same_ids(story: list[tuple[float, Invoice | None, bool]]) -> None:
    first = [[event.id for event in transition.events] for _, transition in lived(story)]
    assert first == [[event.id for event in transition.events] for _, transition in lived(story)]


@thorough
@given(steps)
def test_events_of_one_transition_stand_in_the_order_of_the_catalogue(
    story: list[tuple[float, Invoice | None, bool]],
) -> None:
    for _, transition in lived(story):
        places = [CATALOGUE.index(name) for name in types(transition)]
        assert places == sorted(places)


@thorough
@given(steps)
def test_no_float_is_in_any_body_and_the_document_comes_back(story: list[tuple[float, Invoice | None, bool]]) -> None:
    def no_float(text: str) -> NoReturn:
        raise AssertionError(text)

    for _, transition in lived(story):
        again = from_document(to_document(transition.snapshot), transition.snapshot.due_key)
        assert again == transition.snapshot
        assert again.due_key == transition.snapshot.due_key
        for event in transition.events:
            body = full(event, transition.snapshot, Observation(START, START, START), START)
            json.loads(body, parse_float=no_float)
            short = cast("dict[str, dict[str, object]]", json.loads(thin(body, truncated=True)))
            assert short["data"].keys() & {"invoice", "changes"} == set()
            assert short["data"]["truncated"] is True
            assert short["data"]["event_id"] == event.id
